#!/usr/bin/env python3
"""How fast `clip-retrieval inference` embeds photos. It counts its own loading, so two counts run and their difference
counts.

usage: clip_retrieval.py CHECKPOINT IMAGE_FOLDER [--count 256]      prints one JSON line

The folder of this Python's programs must contain `clip-retrieval`.
"""
import argparse
import json
import pathlib
import subprocess
import sys
import tempfile
import time


def seconds(checkpoint, files):
    with tempfile.TemporaryDirectory() as folder:
        images = pathlib.Path(folder, "images")
        images.mkdir()
        for file in files:
            (images / file.name).symlink_to(file)
        began = time.monotonic()
        subprocess.run(
            [
                str(pathlib.Path(sys.executable).parent / "clip-retrieval"),
                "inference",
                f"--input_dataset={images}",
                f"--output_folder={folder}/out",
                f"--clip_model=hf_clip:{checkpoint}",
                "--enable_text=False",
                "--batch_size=32",
                "--num_prepro_workers=2",
                "--use_jit=False",
            ],
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        return time.monotonic() - began


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("checkpoint", type=pathlib.Path)
parser.add_argument("images", type=pathlib.Path)
parser.add_argument("--count", type=int, default=256)
arguments = parser.parse_args()
files = sorted(file.resolve() for file in arguments.images.glob("*.jpg"))
few = min(64, arguments.count)
more = files[: few + arguments.count]
elapsed = seconds(arguments.checkpoint.resolve(), more) - seconds(arguments.checkpoint.resolve(), more[:few])
images = len(more) - few
print(json.dumps({"system": "clip-retrieval", "images": images, "images_per_s": round(images / elapsed, 2)}))
