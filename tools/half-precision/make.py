"""Adds the towers in 16 bits to a model folder that has them in 32 bits.

    pip install onnx onnxruntime
    python tools/half-precision/make.py FOLDER

Inputs and outputs stay in 32 bits. The folder has the layout of Hugging Face; a model.json in it gets the precision fp16.
Tried with onnx 1.23 and onnxruntime 1.32.
"""

import json
import pathlib
import sys

import onnx
from onnxruntime.transformers.float16 import convert_float_to_float16

folder = pathlib.Path(sys.argv[1])
description = folder / "model.json"
model = json.loads(description.read_text()) if description.exists() else None
towers = model["precisions"]["fp32"] if model else {tower: f"onnx/{tower}_model.onnx" for tower in ("vision", "text")}
half = {}
for tower, path in towers.items():
    half[tower] = path.removesuffix(".onnx") + "_fp16.onnx"
    onnx.save(convert_float_to_float16(onnx.load(folder / path), keep_io_types=True), folder / half[tower])
    print(folder / half[tower])
if model:
    model["precisions"]["fp16"] = half
    description.write_text(json.dumps(model, indent=2) + "\n")
