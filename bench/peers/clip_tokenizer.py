"""CLIP's tokenizer in the library's format, from the vocabulary that open_clip's package contains."""
import gzip
import json
import pathlib

from transformers import CLIPTokenizerFast
from transformers.models.clip.tokenization_clip import bytes_to_unicode

MERGES = 48_894


def clip_tokenizer(vocabulary: str, folder: pathlib.Path, context: int = 77) -> CLIPTokenizerFast:
    """CLIP's vocabulary: 256 bytes, the same at the end of a word, the merges, and two special tokens."""
    lines = gzip.open(vocabulary, "rt", encoding="utf-8").read().split("\n")
    merges = lines[1 : 1 + MERGES]
    characters = list(bytes_to_unicode().values())
    words = [*characters, *(each + "</w>" for each in characters), *("".join(each.split()) for each in merges)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    (folder / "vocab.json").write_text(json.dumps({word: index for index, word in enumerate(words)}))
    (folder / "merges.txt").write_text("\n".join(["#version: 0.2", *merges]) + "\n")
    return CLIPTokenizerFast(str(folder / "vocab.json"), str(folder / "merges.txt"), model_max_length=context)
