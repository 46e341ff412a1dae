#!/usr/bin/env bash
# What a GPU embeds, alone and through the whole worker, and what limits it: CLIP ViT-B/32 in fp32 and fp16
#
#   bash bench/gpu.sh [--provider cuda] [--precisions fp32,fp16] [--sizes 64,128,256,512] [--processes 1,2,4,8]
#                     [--photos 20000] [--images 4096] [--scenes 256] [--side 768] [--json] [--out FILE]
#
# For a machine with an NVIDIA GPU and an empty clone of this repository. In this order it
#
#   1. checks the machine, and names everything that is missing at once, before it installs anything;
#   2. installs the packages and the CUDA part of onnxruntime-node, and builds the program;
#   3. gets the model and the photos: MODEL_FOLDER (with a model.json) and PHOTOS (a folder of JPEGs), if they are set;
#      otherwise CLIP ViT-B/32 from the hub, and scenes that this program renders, as JPEGs of 768 pixels (--side);
#   4. measures (bench/support/gpu/measure.mjs explains how), and prints one table and what limits.
#
# `--provider cpu` runs the same without a GPU. Sizes are images per inference call. Redis and Postgres are started for
# the measurement, on free ports, and end with it. Downloaded and rendered files stay in .bench/ for the next time.
# docs/guides/gpu.md has the container in which everything is there.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

if [[ " $* " == *" --help "* ]]; then
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p}' bench/gpu.sh
  exit
fi

provider=cuda scenes=256 side=768 precisions=fp32,fp16
options=("$@")
for ((i = 0; i < $#; i++)); do
  case ${options[i]} in
    --provider) provider=${options[i + 1]:-} ;;
    --provider=*) provider=${options[i]#*=} ;;
    --scenes) scenes=${options[i + 1]:-} ;;
    --scenes=*) scenes=${options[i]#*=} ;;
    --side) side=${options[i + 1]:-} ;;
    --side=*) side=${options[i]#*=} ;;
    --precisions) precisions=${options[i + 1]:-} ;;
    --precisions=*) precisions=${options[i]#*=} ;;
  esac
done
case $provider in
  cpu | cuda) ;;
  *) echo "--provider: expected cuda or cpu, found \"$provider\"." >&2 && exit 2 ;;
esac

missing=()
# missing WHAT HOW: something that is not there, and how to get it.
missing() { missing+=("- $1"$'\n'"    $2"); }
tell_missing() {
  [ ${#missing[@]} -eq 0 ] && return
  echo "bench/gpu.sh: $1" >&2
  printf '%s\n' "${missing[@]}" >&2
  if [ "$provider" = cuda ]; then
    echo "Or use the container, which has all but the driver: docs/guides/gpu.md. Without a GPU: --provider cpu." >&2
  fi
  exit 2
}
# has_library NAME: whether the dynamic linker finds it.
has_library() {
  local folder
  IFS=: read -ra folders <<<"${LD_LIBRARY_PATH:-}"
  for folder in "${folders[@]}"; do [ -n "$folder" ] && [ -e "$folder/$1" ] && return; done
  { ldconfig -p 2>/dev/null || /sbin/ldconfig -p 2>/dev/null; } | grep -F "$1 " >/dev/null
}
CUDA_LIBRARIES='from the repository of NVIDIA (https://docs.nvidia.com/cuda/cuda-installation-guide-linux): apt-get install cuda-libraries-13-0 libcudnn9-cuda-13; installed elsewhere, name the folder in LD_LIBRARY_PATH'

# --- 1. The machine
if [ "$provider" = cuda ]; then
  if [ "$(uname -sm)" != 'Linux x86_64' ]; then
    missing "Linux on x86-64 (found: $(uname -sm))" 'onnxruntime-node has the CUDA provider for no other platform.'
  fi
  if ! command -v nvidia-smi >/dev/null; then
    missing 'an NVIDIA GPU with its driver, 580 or newer (found: no nvidia-smi)' \
      'Install the driver of the GPU: https://docs.nvidia.com/datacenter/tesla/driver-installation-guide'
  elif ! gpus=$(nvidia-smi --query-gpu=driver_version,name,memory.total --format=csv,noheader 2>&1); then
    missing "a GPU that the driver finds (found: ${gpus%%$'\n'*})" 'Reinstall the driver, or start the machine again.'
  else
    echo "GPU: $gpus" >&2
    driver=${gpus%%.*}
    if ! [[ $driver =~ ^[0-9]+$ ]] || [ "$driver" -lt 580 ]; then
      missing "a driver of CUDA 13, 580 or newer (found: ${gpus%%,*})" 'Install a newer driver of the GPU.'
    fi
  fi
  absent=()
  for library in libcudart.so.13 libcublas.so.13 libcublasLt.so.13 libcufft.so.12 libcudnn.so.9; do
    has_library "$library" || absent+=("$library")
  done
  if [ ${#absent[@]} -gt 0 ]; then missing "CUDA 13 and cuDNN 9 (not found: ${absent[*]})" "$CUDA_LIBRARIES"; fi
fi

SERVERS='On Debian 12, as root: bash infra/dev/install-debian.sh'
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
  missing 'Node.js 20.19 or newer, with npm (found: none)' 'https://nodejs.org/en/download'
elif ! node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)'; then
  missing "Node.js 20.19 or newer (found: $(node --version))" 'https://nodejs.org/en/download'
fi
command -v redis-server >/dev/null || missing 'Redis (found: no redis-server)' "$SERVERS; or apt-get install redis-server"

# As bench/support/postgres.mjs chooses it: the newest of Debian's, or the one on the PATH.
postgres=$(compgen -G '/usr/lib/postgresql/*/bin/initdb' | sort -V | tail -n 1 || true)
postgres=${postgres:-$(command -v initdb || true)}
if [ -z "$postgres" ]; then
  missing 'Postgres with pgvector (found: no initdb)' "$SERVERS"
else
  shared=$("$(dirname "$(readlink -f "$postgres")")/pg_config" --sharedir 2>/dev/null || true)
  # Debian has pg_config of all versions in another package.
  shared=${shared:-/usr/share/postgresql/$(basename "$(dirname "$(dirname "$postgres")")")}
  control=$shared/extension/vector.control
  pgvector=$(sed -n "s/^default_version = '\(.*\)'/\1/p" "$control" 2>/dev/null || true)
  if [ "$(printf '%s\n' 0.8 "${pgvector:-0}" | sort -V | head -n 1)" != 0.8 ]; then
    missing "pgvector 0.8 or newer (found: ${pgvector:-no $control})" \
      "$SERVERS; or the package postgresql-VERSION-pgvector of apt.postgresql.org"
  fi
  if [ "$(id -u)" = 0 ] && ! id postgres >/dev/null 2>&1; then
    missing 'an account "postgres", because Postgres refuses to run as root (found: none)' 'useradd --system postgres'
  fi
fi
for folder in MODEL_FOLDER PHOTOS; do
  if [ -n "${!folder:-}" ] && [ ! -d "${!folder}" ]; then
    missing "the folder of $folder (found: nothing at ${!folder})" "Correct $folder, or unset it."
  fi
done
tell_missing 'nothing was installed or measured, because this is missing:'

# --- 2. Packages, the CUDA provider, the program
[ -e node_modules/.package-lock.json ] || npm ci >&2
if [ "$provider" = cuda ]; then
  folder=node_modules/onnxruntime-node/bin/napi-v6/linux/x64
  if [ ! -e $folder/libonnxruntime_providers_cuda.so ]; then
    # The name is old: the files are built against CUDA 13 (infra/images/worker-cuda.Dockerfile).
    ONNXRUNTIME_NODE_INSTALL=cuda12 npm rebuild onnxruntime-node --ignore-scripts=false --foreground-scripts >&2 || {
      version=$(node -p 'require("onnxruntime-node/package.json").version')
      missing 'the CUDA provider of onnxruntime-node (found: no way to api.nuget.org)' \
        "Unzip https://www.nuget.org/api/v2/package/Microsoft.ML.OnnxRuntime.Gpu.Linux/$version, and copy libonnxruntime_providers_cuda.so and libonnxruntime_providers_shared.so from its runtimes/linux-x64/native to $folder."
    }
  fi
  tell_missing 'nothing was measured, because this is missing:'
  # The driver's own library, libcuda, is not needed to load the file.
  absent=$(LD_LIBRARY_PATH=$folder:${LD_LIBRARY_PATH:-} ldd $folder/libonnxruntime_providers_cuda.so |
    awk '/not found/ && !/libcuda\.so/ { print $1 }' | sort -u | paste -sd ' ')
  if [ -n "$absent" ]; then missing "libraries of the CUDA provider (not found: $absent)" "$CUDA_LIBRARIES"; fi
  tell_missing 'nothing was measured, because this is missing:'
fi
npm run --silent build >&2

# --- 3. The model and the photos
if [ -z "${MODEL_FOLDER:-}" ]; then
  bash bench/support/gpu/clip-from-hub.sh .bench "$precisions" >&2
  export MODEL_FOLDER=$PWD/.bench/models/clip-vit-b-32
fi
if [ -z "${PHOTOS:-}" ]; then
  export PHOTOS=$PWD/.bench/scenes-$side
  node bench/support/gpu/render-scenes.mjs "$PHOTOS" "$scenes" "$side"
fi

# --- 4. The measurement
exec node bench/support/gpu/measure.mjs "$@"
