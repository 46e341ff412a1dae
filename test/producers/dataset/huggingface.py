"""Writes test/producers/dataset/huggingface/*.parquet with the library `datasets`.

    pip install datasets pyarrow pillow && python test/producers/dataset/huggingface.py
"""
import io
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from datasets import Dataset, Features, Image, Value
from PIL import Image as Picture

FOLDER = Path(__file__).parent / "huggingface"
COLOURS = ["red", "green", "blue", "yellow", "red"]


def jpeg(colour: str) -> bytes:
    file = io.BytesIO()
    Picture.new("RGB", (32, 24), colour).save(file, "JPEG")
    return file.getvalue()


def main() -> None:
    rows = {
        "picture": [{"bytes": jpeg(colour), "path": f"{colour}.jpg"} for colour in COLOURS] + [None],
        "text": [f"{colour} all over" for colour in COLOURS] + ["nothing"],
        "label": list(range(len(COLOURS) + 1)),
    }
    features = Features({"picture": Image(), "text": Value("string"), "label": Value("int64")})
    # Two rows per group.
    Dataset.from_dict(rows, features=features).to_parquet(str(FOLDER / "datasets.parquet"), batch_size=2)
    # As tables of bytes are written without that library.
    plain = pa.table({"jpg": pa.array([jpeg("white")], pa.binary()), "caption": ["white all over"]})
    pq.write_table(plain, FOLDER / "bytes.parquet", compression="zstd")


main()
