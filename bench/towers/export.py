#!/usr/bin/env python3
"""Repositories of the models of docs/guides/choosing-a-model.md in their published sizes, with random weights.

usage: export.py OUT NAME…      writes OUT/NAME/, as the tool writes it with which the model is published as ONNX

The recipes are those of tools/exported-repositories/make.py; here are the sizes that it does not have. Environment:
bench/peers/requirements-exporters.txt.
"""
import importlib.util
import pathlib
import sys

import torch

RECIPES = pathlib.Path(__file__).parents[2] / "tools" / "exported-repositories" / "make.py"
specification = importlib.util.spec_from_file_location("repositories", RECIPES)
repositories = importlib.util.module_from_spec(specification)
specification.loader.exec_module(repositories)
repositories.FULL = True

#: config.json of openai/clip-vit-large-patch14
L_14 = (
    dict(hidden_size=768, intermediate_size=3072, num_attention_heads=12, projection_dim=768),
    dict(hidden_size=1024, intermediate_size=4096, num_hidden_layers=24, num_attention_heads=16, patch_size=14, projection_dim=768),
    768,
)
MAKERS = {
    "clip-b-32": lambda root, name: repositories.clip(root, name),
    "clip-b-16": lambda root, name: repositories.clip(root, name, ({}, dict(patch_size=16), 512)),
    "clip-l-14": lambda root, name: repositories.clip(root, name, L_14),
    "openclip-b-32-256": lambda root, name: repositories.open_clip_vit(root, name, "ViT-B-32-256"),
    "mobileclip2-s0": lambda root, name: repositories.mobileclip(root, name, "MobileCLIP2-S0"),
    "mobileclip2-s2": lambda root, name: repositories.mobileclip(root, name, "MobileCLIP2-S2"),
    "siglip-b-16-256": lambda root, name: repositories.siglip(root, name, edge=256),
    "siglip2-b-32-256": lambda root, name: repositories.siglip2(root, name, edge=256, patch=32),
    "siglip2-b-16-224": lambda root, name: repositories.siglip2(root, name),
    "xlm-r-b-32": lambda root, name: repositories.open_clip_vit(root, name, "xlm-roberta-base-ViT-B-32"),
    "jina-clip-v2": lambda root, name: repositories.jina_clip(root, name),
    "dinov2-s": lambda root, name: repositories.dinov2(root, name, (384, 12, 6)),
    "dinov2-b": lambda root, name: repositories.dinov2(root, name, (768, 12, 12)),
    "efficientnet-b4": lambda root, name: repositories.efficientnet(root, name),
}

if __name__ == "__main__":
    out, *wanted = sys.argv[1:]
    unknown = [name for name in wanted if name not in MAKERS]
    if unknown or not wanted:
        sys.exit(f"Expected names of {', '.join(MAKERS)}, found {', '.join(unknown) or 'none'}.")
    pathlib.Path(out).mkdir(parents=True, exist_ok=True)
    for name in wanted:
        torch.manual_seed(0)
        MAKERS[name](pathlib.Path(out), name)
