#!/bin/sh
# Trains the demo model from nothing and measures it: renders the training scenes, trains both towers, writes models/demo.
# Needs Node with this repository's packages, and Debian's python3-torch, python3-onnx and python3-numpy. No network.
set -eu
cd "$(dirname "$0")/../.."
data=${DEMO_DATA:-$(mktemp -d)}
npx --no tsc -- -p tsconfig.build.json
if [ ! -f "$data/images.u8" ]; then npx tsx tools/demo-model/render-dataset.ts "$data"; fi
"${PYTHON:-/usr/bin/python3}" -B tools/demo-model/train.py "$data" models/demo
npx tsx tools/demo-model/evaluate.ts models/demo
if [ -z "${DEMO_DATA:-}" ]; then rm -r "$data"; fi
