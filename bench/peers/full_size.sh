#!/usr/bin/env bash
# Makes .bench/full-size/NAME for each NAME: model folders of full size as real tools write them, with random weights,
# see README.md. What is there already stays. Needs Python 3.11 and the index of PyPI.
#
# usage: bench/peers/full_size.sh [NAME…]     default: all, 25 GB
#        PYTHON=python3.11
#        TORCH_INDEX=URL   index of PyTorch's CPU builds; default: https://download.pytorch.org/whl/cpu, "" for PyPI
set -euo pipefail
peers=$(cd "$(dirname "$0")" && pwd)
python=${PYTHON:-python3.11}
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
mkdir -p "$peers/../../.bench/full-size"
cd "$peers/../../.bench"
# shellcheck source=bench/peers/environment.sh
source "$peers/environment.sh"
[ $# -gt 0 ] || set -- hub-opsets optimum opsets dynamo ort both open-clip b16 l14 siglip siglip2 mobileclip

environment exporters "$(torch_of "$peers/requirements-exporters.txt")" -r "$peers/requirements-exporters.txt"
vocabulary=$(find exporters/lib -name bpe_simple_vocab_16e6.txt.gz | head -1)
for name in "$@"; do
  if [ -e "full-size/$name/model.json" ]; then continue; fi
  tools=exporters
  if [ "$name" = hub-opsets ]; then
    tools=hub
    environment hub "$(torch_of "$peers/requirements-hub.txt")" -r "$peers/requirements-hub.txt"
  fi
  echo "Making $name"
  "$tools/bin/python" "$peers/full_size.py" full-size "$vocabulary" "$name"
done
