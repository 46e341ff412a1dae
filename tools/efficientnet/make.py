"""EfficientNet-B4 as timm exports it, and what timm computes with it: make.py SCENES FOLDER. See README.md."""
import glob
import json
import os
import sys
import tempfile

import numpy as np
import onnx
import timm
import torch
from PIL import Image

NAME = "tf_efficientnet_b4"
# Smaller tensors stay in the graph.
LEAST = 16


def numbers(index, count, middle, spread):
    """As weights.ts: uniform in middle ± spread, from a hash of the number of the tensor and the place."""
    with np.errstate(over="ignore"):
        x = np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1) + np.uint32(index) * np.uint32(0x85EBCA77)
        x ^= x >> np.uint32(16)
        x *= np.uint32(0x7FEB352D)
        x ^= x >> np.uint32(15)
        x *= np.uint32(0x846CA68B)
        x ^= x >> np.uint32(16)
    return (middle + spread * (x / 2.0**31 - 1)).astype(np.float32)


def spread_of(name, tensor):
    """Middle and spread of a tensor: weights of products as they are initialised, biases near 0."""
    return (0.0, float(np.float32(np.sqrt(6 / tensor[0].numel())))) if tensor.ndim > 1 else (0.0, 0.125)


def main(scenes, folder):
    model = timm.create_model(NAME, pretrained=False, num_classes=0).eval()
    for module in model.modules():
        # The exporter multiplies weights by weight / sqrt(variance + eps): by exactly 1.
        if isinstance(module, torch.nn.BatchNorm2d):
            module.running_var.fill_(1 - module.eps)
    fixed = ("running_var", "running_mean")
    known = {}
    state = model.state_dict()
    for index, (name, tensor) in enumerate(state.items()):
        if tensor.dtype != torch.float32 or tensor.numel() < LEAST or name.endswith(fixed):
            continue
        if tensor.ndim == 1 and bool((tensor == 1).all()):
            continue
        middle, spread = spread_of(name, tensor)
        values = numbers(index, tensor.numel(), middle, spread)
        state[name] = torch.from_numpy(values).reshape(tensor.shape)
        known[values.tobytes()] = [index, middle, spread]
    model.load_state_dict(state)

    with tempfile.TemporaryDirectory() as place:
        path = os.path.join(place, "whole.onnx")
        batch = torch.export.Dim("batch")
        torch.onnx.export(
            model,
            (torch.zeros(2, 3, 380, 380),),
            path,
            input_names=["pixel_values"],
            output_names=["pooler_output"],
            dynamic_shapes=({0: batch},),
            dynamo=True,
            external_data=False,
        )
        graph = onnx.load(path)
    for node in graph.graph.node:
        node.doc_string = ""
        del node.metadata_props[:]
    del graph.graph.value_info[:]
    offset, list_of_weights = 0, []
    for tensor in graph.graph.initializer:
        values = onnx.numpy_helper.to_array(tensor)
        found = known.get(values.tobytes())
        if found is None:
            print("kept", tensor.name, list(tensor.dims))
            continue
        index, middle, spread = found
        tensor.ClearField("raw_data")
        tensor.ClearField("float_data")
        tensor.data_location = onnx.TensorProto.EXTERNAL
        del tensor.external_data[:]
        for key, value in {"location": "model.onnx_data", "offset": offset, "length": 4 * values.size}.items():
            tensor.external_data.add(key=key, value=str(value))
        list_of_weights.append([index, values.size, middle, spread])
        offset += 4 * values.size
    with open(os.path.join(folder, "model.onnx"), "wb") as file:
        file.write(graph.SerializeToString())

    config = timm.data.resolve_data_config(pretrained_cfg=model.pretrained_cfg)
    transform = timm.data.create_transform(**config)
    files = sorted(glob.glob(os.path.join(scenes, "*.jpg")))
    with torch.no_grad():
        features = [model(transform(Image.open(file).convert("RGB"))[None])[0].numpy() for file in files]
    unit = np.stack([feature / np.linalg.norm(feature) for feature in features])
    np.save(os.path.join(folder, "expected.npy"), unit.astype(np.float16))
    about = {
        "timm": timm.__version__,
        "config": {key: config[key] for key in ["input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std"]},
        "weights": list_of_weights,
    }
    with open(os.path.join(folder, "model.json"), "w") as file:
        json.dump(about, file, separators=(",", ":"))
        file.write("\n")
    centred = unit - unit.mean(axis=0)
    centred /= np.linalg.norm(centred, axis=1, keepdims=True)
    print(about["config"], "mean cosine", float((unit @ unit.T).mean()), "centred", float(np.abs(centred @ centred.T).mean()))


main(*sys.argv[1:])
