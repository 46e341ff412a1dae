#!/usr/bin/env python3
"""Embeds images and texts as transformers does: its preprocessing, tokenizer and CLIPModel in fp32.

usage: library.py MODEL_FOLDER SQUARES      with {"files": [path…], "texts": [text…]} on stdin

MODEL_FOLDER holds config.json, model.safetensors and tokenizer.json. SQUARES is a file with the preprocessed RGB bytes
of the same images, [images, 224, 224, 3]. Prints {"images", "ofSquares", "texts"}: lists of embeddings.
"""
import json
import sys

import numpy
import torch
from PIL import Image
from transformers import CLIPImageProcessor, CLIPModel, PreTrainedTokenizerFast

Image.MAX_IMAGE_PIXELS = None
folder, squares = sys.argv[1:3]
asked = json.load(sys.stdin)
model = CLIPModel.from_pretrained(folder).eval()
processor = CLIPImageProcessor()
tokenizer = PreTrainedTokenizerFast(tokenizer_file=f"{folder}/tokenizer.json")
context = model.config.text_config.max_position_embeddings


def image(pixels):
    """[1, 3, 224, 224] to a list."""
    return model.visual_projection(model.vision_model(pixel_values=pixels).pooler_output)[0].tolist()


def text(words):
    ids = tokenizer(words)["input_ids"]
    ids = torch.tensor([ids if len(ids) <= context else [*ids[: context - 1], ids[-1]]])
    return model.text_projection(model.text_model(input_ids=ids).pooler_output)[0].tolist()


with torch.inference_mode():
    found = {"images": [], "ofSquares": [], "texts": [text(words) for words in asked["texts"]]}
    sides = numpy.fromfile(squares, dtype=numpy.uint8).reshape(len(asked["files"]), 224, 224, 3)
    for file, square in zip(asked["files"], sides):
        found["images"].append(image(processor(Image.open(file), return_tensors="pt")["pixel_values"]))
        ready = processor(Image.fromarray(square), return_tensors="pt", do_resize=False, do_center_crop=False)
        found["ofSquares"].append(image(ready["pixel_values"]))
print(json.dumps(found))
