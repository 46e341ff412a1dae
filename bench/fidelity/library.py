#!/usr/bin/env python3
"""Embeds images and texts in fp32 as the model's own library does: transformers, or open_clip where the folder has
open_clip_config.json.

usage: library.py MODEL_FOLDER SQUARES      with {"files": [path…], "texts": [text…]} on stdin

MODEL_FOLDER holds the checkpoint, tokenizer and processor in the library's format. SQUARES is a file with RGB bytes of
the same images, preprocessed elsewhere, [images, side, side, 3]. Prints {"images", "ofSquares", "texts"}: lists of
embeddings.
"""
import json
import pathlib
import sys

import numpy
import torch
from PIL import Image

Image.MAX_IMAGE_PIXELS = None
torch.set_num_threads(1)


class Transformers:
    def __init__(self, folder):
        from transformers import AutoImageProcessor, AutoModel, CLIPTokenizerFast

        self.model = AutoModel.from_pretrained(folder).eval()
        self.processor = AutoImageProcessor.from_pretrained(folder, use_fast=False)
        self.tokenizer = CLIPTokenizerFast.from_pretrained(folder)
        # SigLIP was trained with padding.
        self.padding = dict(padding="max_length") if self.model.config.model_type == "siglip" else {}

    def image(self, picture):
        return self._embed(picture)

    def square(self, square):
        return self._embed(square, do_resize=False, do_center_crop=False)

    def _embed(self, picture, **steps):
        # Without the format, a picture of one pixel's height passes for one with its channels first.
        pixels = self.processor(picture, input_data_format="channels_last", return_tensors="pt", **steps)
        return self.model.get_image_features(**pixels)

    def text(self, words):
        ids = self.tokenizer(words, truncation=True, return_tensors="pt", **self.padding)
        return self.model.get_text_features(**({"input_ids": ids.input_ids} if self.padding else ids))


class OpenClip:
    def __init__(self, folder):
        import open_clip

        self.model, self.preprocess = open_clip.create_model_from_pretrained(f"local-dir:{folder}")
        self.model.eval()
        self.tokenizer = open_clip.get_tokenizer(f"local-dir:{folder}")

    def image(self, picture):
        return self.model.encode_image(self.preprocess(picture)[None])

    def square(self, square):
        # The last two steps make floats of bytes, and normalise them.
        pixels = square
        for step in self.preprocess.transforms[-2:]:
            pixels = step(pixels)
        return self.model.encode_image(pixels[None])

    def text(self, words):
        return self.model.encode_text(self.tokenizer([words]))


def unit(rows):
    return torch.nn.functional.normalize(rows.double(), dim=-1)[0].tolist()


folder, squares = sys.argv[1:3]
asked = json.load(sys.stdin)
library = (OpenClip if (pathlib.Path(folder) / "open_clip_config.json").exists() else Transformers)(folder)
with torch.inference_mode():
    found = {"images": [], "ofSquares": [], "texts": [unit(library.text(words)) for words in asked["texts"]]}
    pixels = numpy.fromfile(squares, dtype=numpy.uint8)
    side = round((len(pixels) / 3 / len(asked["files"])) ** 0.5)
    for file, square in zip(asked["files"], pixels.reshape(-1, side, side, 3)):
        found["images"].append(unit(library.image(Image.open(file).convert("RGB"))))
        found["ofSquares"].append(unit(library.square(square)))
print(json.dumps(found))
