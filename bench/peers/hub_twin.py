#!/usr/bin/env python3
"""The twin of the hub's CLIP ViT-B/32 ONNX files (Xenova/clip-vit-base-patch32), with random weights.

usage: hub_twin.py OUT VOCABULARY     VOCABULARY is bpe_simple_vocab_16e6.txt.gz, which open_clip's package contains

OUT becomes a model folder (model.json, onnx/, tokenizer.json) and a checkpoint that transformers loads. Needs the
versions of requirements-hub.txt. Prints the size of each file beside that of the hub's.
"""
import json
import pathlib
import sys

import onnx
import torch
from clip_tokenizer import clip_tokenizer
from onnxruntime.quantization import QuantType, quantize_dynamic
from optimum.exporters.onnx import export
from optimum.exporters.onnx.model_configs import CLIPTextOnnxConfig, ViTOnnxConfig
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTextModelWithProjection,
    CLIPVisionModelWithProjection,
)

HUB_BYTES = {
    "vision_model": 351_685_709,
    "text_model": 254_058_553,
    "vision_model_quantized": 89_117_001,
    "text_model_quantized": 64_504_507,
}


class ImageTower(ViTOnnxConfig):
    outputs = property(lambda self: {"image_embeds": {0: "batch_size"}})


class TextTower(CLIPTextOnnxConfig):
    outputs = property(lambda self: {"text_embeds": {0: "batch_size"}})


out, vocabulary = pathlib.Path(sys.argv[1]), sys.argv[2]
(out / "onnx").mkdir(parents=True, exist_ok=True)
clip_tokenizer(vocabulary, out).save_pretrained(out)
CLIPImageProcessor().save_pretrained(out)
torch.manual_seed(0)
model = CLIPModel(CLIPConfig()).eval()
with torch.no_grad():
    # Exporters store equal constants once. In trained weights no two are equal.
    for parameter in model.parameters():
        if parameter.dim() <= 1:
            parameter.add_(torch.randn_like(parameter) * 0.02)
model.save_pretrained(out)
for kind, tower, described, opset in (
    ("vision", CLIPVisionModelWithProjection, ImageTower, 11),
    ("text", CLIPTextModelWithProjection, TextTower, 14),
):
    tower = tower.from_pretrained(out).eval()
    file = out / "onnx" / f"{kind}_model.onnx"
    export(tower, described(tower.config, "feature-extraction"), file, opset=opset)
    operators = {node.op_type for node in onnx.load(file).graph.node}
    quantize_dynamic(
        str(file),
        str(out / "onnx" / f"{kind}_model_quantized.onnx"),
        per_channel=True,
        reduce_range=True,
        optimize_model=False,
        weight_type=QuantType.QUInt8 if "Conv" in operators else QuantType.QInt8,
    )
for name, size in HUB_BYTES.items():
    found = (out / "onnx" / f"{name}.onnx").stat().st_size
    print(f"{name}: {found:,} bytes, the hub's has {size:,}")
description = {
    "name": "hub-clip",
    "title": "CLIP ViT-B/32 as on the hub, random weights",
    "license": "MIT",
    "dimension": 512,
    "input": {"size": 224, "fit": "crop", "cropShare": 1, "kernel": "bicubic"},
    "mean": [0.48145466, 0.4578275, 0.40821073],
    "std": [0.26862954, 0.26130258, 0.27577711],
    "text": {"contextLength": 77},
    "scoring": "softmax",
    "logitScale": 100,
    "logitBias": 0,
    "defaultPrecision": "int8",
    "precisions": {
        "fp32": {"vision": "onnx/vision_model.onnx", "text": "onnx/text_model.onnx"},
        "int8": {"vision": "onnx/vision_model_quantized.onnx", "text": "onnx/text_model_quantized.onnx"},
    },
}
(out / "model.json").write_text(json.dumps(description, indent=2))
