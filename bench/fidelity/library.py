#!/usr/bin/env python3
"""Embeds images and texts as transformers does: CLIP's preprocessing with Pillow, the tokenizer, and CLIPModel in fp32.

usage: library.py MODEL_FOLDER SQUARES      with {"files": [path…], "texts": [text…]} on stdin

MODEL_FOLDER holds config.json, model.safetensors and tokenizer.json. SQUARES is a file with the preprocessed RGB bytes
of the same images, [images, 224, 224, 3]. Prints {"images", "ofSquares", "texts"}: lists of embeddings.
"""
import json
import pathlib
import sys

import numpy
import torch
from PIL import Image
from transformers import CLIPModel, PreTrainedTokenizerFast

sys.path.append(str(pathlib.Path(__file__).parent.parent / "peers"))
# transformers' own processor takes a picture of one pixel for one channel, and fails.
from peers import MEAN, STD, pixels

Image.MAX_IMAGE_PIXELS = None
folder, squares = sys.argv[1:3]
asked = json.load(sys.stdin)
model = CLIPModel.from_pretrained(folder).eval()
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
context = model.config.text_config.max_position_embeddings


def image(values):
    """[3, 224, 224] to a list."""
    batch = torch.from_numpy(values.astype(numpy.float32))[None]
    return model.visual_projection(model.vision_model(pixel_values=batch).pooler_output)[0].tolist()


def text(words):
    ids = tokenizer(words)["input_ids"]
    ids = torch.tensor([ids if len(ids) <= context else [*ids[: context - 1], ids[-1]]])
    return model.text_projection(model.text_model(input_ids=ids).pooler_output)[0].tolist()


with torch.inference_mode():
    found = {"images": [], "ofSquares": [], "texts": [text(words) for words in asked["texts"]]}
    sides = numpy.fromfile(squares, dtype=numpy.uint8).reshape(len(asked["files"]), 224, 224, 3)
    for file, square in zip(asked["files"], sides):
        found["images"].append(image(pixels(file)))
        found["ofSquares"].append(image(((square / 255 - MEAN) / STD).transpose(2, 0, 1)))
print(json.dumps(found))
