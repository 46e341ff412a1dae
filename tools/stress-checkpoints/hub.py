#!/usr/bin/env python3
"""Writes int8 files in the hub's scheme beside those in float32, as the precision int8 of each checkpoint.

usage: hub.py CHECKPOINTS [KIND ...]     default: every kind
"""
import pathlib
import sys

import onnx

import schemes


def main(checkpoints, *kinds):
    folders = [pathlib.Path(checkpoints) / kind / "onnx" for kind in kinds] or sorted(pathlib.Path(checkpoints).glob("*/onnx"))
    for folder in folders:
        for tower in ("vision", "text"):
            model = onnx.load(folder / f"{tower}_model.onnx")
            onnx.save(schemes.dynamic(model, signed=tower == "text"), folder / f"{tower}_model_quantized.onnx")


main(*sys.argv[1:])
