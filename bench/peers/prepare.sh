#!/usr/bin/env bash
# Makes .bench/ at the top of the repository: the peers of the benchmarks and the model folder hub-clip, see README.md.
# What is there already stays. Needs Python 3.11, npm, and the indexes of PyPI and npm.
#
# usage: bench/peers/prepare.sh [PYTHON]
#        TORCH_INDEX=URL   index of PyTorch's CPU builds; default: https://download.pytorch.org/whl/cpu, "" for PyPI
set -euo pipefail
peers=$(cd "$(dirname "$0")" && pwd)
python=${1:-python3.11}
index=${TORCH_INDEX-https://download.pytorch.org/whl/cpu}
mkdir -p "$peers/../../.bench"
cd "$peers/../../.bench"
# shellcheck source=bench/peers/environment.sh
source "$peers/environment.sh"

environment python "$(torch_of "$peers/requirements.txt")" -r "$peers/requirements.txt"
environment clip-retrieval "$(torch_of "$peers/requirements.txt")" 'clip-retrieval==2.45.0' 'setuptools<80'
if [ ! -e transformers/node_modules/@huggingface/transformers ]; then
  echo 'Installing transformers.js'
  npm install --prefix transformers --ignore-scripts --no-audit --no-fund --silent '@huggingface/transformers@4.3.0'
fi
if [ ! -e hub-clip/model.json ]; then
  environment hub "$(torch_of "$peers/requirements-hub.txt")" -r "$peers/requirements-hub.txt"
  echo 'Making the twin of the hub’s files'
  vocabulary=$(find clip-retrieval/lib -name bpe_simple_vocab_16e6.txt.gz | head -1)
  hub/bin/python "$peers/hub_twin.py" hub-clip "$vocabulary"
fi
echo "Ready: $PWD. Now set PHOTOS to a folder of JPEGs and run: npm run bench -- end-to-end"
