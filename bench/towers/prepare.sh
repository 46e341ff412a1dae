#!/usr/bin/env bash
# Makes .bench/towers/ for `npm run bench -- towers`: each model is exported in full size with random weights by the tools
# with which such models are published, added with `models add`, and made in 8 bits where that is possible. What is there
# already stays. Needs Python 3.11, the index of PyPI, `npm run build`, and 13 GB of disk for all (3 more meanwhile).
#
# usage: bench/towers/prepare.sh [NAME…]     default: all of bench/towers/models.mjs
#        PYTHON=python3.11
#        TORCH_INDEX=URL   index of PyTorch's CPU builds; default: https://download.pytorch.org/whl/cpu, "" for PyPI
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3.11}
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
program=$here/../../dist/cli/main.js
requirements=$here/../peers/requirements-exporters.txt
mkdir -p "$here/../../.bench/towers/exports"
cd "$here/../../.bench"
# shellcheck source=bench/peers/environment.sh
source "$here/../peers/environment.sh"
if [ $# -eq 0 ]; then mapfile -t names < <(node "$here/models.mjs"); else names=("$@"); fi

export UNSPLASH_CLIP_HOME=$PWD/towers MODELS_DIR=$PWD/towers/models
for name in "${names[@]}"; do
  if [ ! -e "towers/models/$name/model.json" ]; then
    environment exporters "$(torch_of "$requirements")" -r "$requirements"
    echo "Making $name"
    # The last file that it writes; what an interrupted run left is written again.
    if [ ! -e "towers/exports/$name.expected.json" ]; then
      exporters/bin/python "$here/export.py" towers/exports "$name" >"towers/$name.export.log" 2>&1
    fi
    node "$program" models add "towers/exports/$name" --name "$name" | tee "towers/$name.added.log"
    rm -rf "towers/exports/$name" "towers/exports/$name.expected.json"
  fi
  made=$(find "towers/models/$name" -name '*_int8_smooth.onnx' | head -1)
  if [ -z "$made" ] && [ ! -e "towers/$name.int8.log" ]; then
    # Not every model can be made in 8 bits; why not is said below, and stays in the log.
    node "$program" models pull "$name@int8-smooth" --no-verify >"towers/$name.int8.log" 2>&1 || tail -1 "towers/$name.int8.log"
  fi
done
echo 'Ready. On a machine without other work: npm run bench -- towers'
