"""Reads exports of the same photos with the programs that they are for, and prints what each has found."""

import glob
import json
import os
import sys
from io import BytesIO
from zipfile import ZipFile

import duckdb
import faiss
import numpy as np
import pandas as pd
import pyarrow.parquet as pq

root = sys.argv[1]
place = lambda *names: os.path.join(root, *names)
found = {}


def report(reader, ids, vectors, **more):
    vectors = np.stack([np.asarray(vector, dtype=np.float32) for vector in vectors])
    found[reader] = {"ids": list(ids), "vectors": vectors.tolist(), **more}


for dtype in ["float32", "float16"]:
    table = pq.read_table(place(f"parquet-{dtype}", "data"))
    report(
        f"pyarrow {dtype}",
        table["photo_id"].to_pylist(),
        table["vector"].to_pylist(),
        types={field.name: str(field.type) for field in table.schema},
        first=json.loads(table.slice(0, 1).drop(["vector"]).to_pandas().to_json(orient="records", date_format="epoch"))[0],
    )
    frame = pd.read_parquet(place(f"parquet-{dtype}", "data"))
    report(f"pandas {dtype}", frame.photo_id, frame.vector)
    files = place(f"parquet-{dtype}", "data", "*.parquet")
    rows = duckdb.sql(f"select photo_id, vector from '{files}' order by photo_id").fetchall()
    report(f"duckdb {dtype}", [row[0] for row in rows], [row[1] for row in rows])

    arrays = [np.load(file) for file in sorted(glob.glob(place(f"npy-{dtype}", "img_emb", "*.npy")))]
    metadata = [pd.read_parquet(file) for file in sorted(glob.glob(place(f"npy-{dtype}", "metadata", "*.parquet")))]
    assert [len(array) for array in arrays] == [len(rows) for rows in metadata]
    ids = [photo for rows in metadata for photo in rows.photo_id]
    report(f"numpy {dtype}", ids, np.concatenate(arrays), type=str(arrays[0].dtype))

index = faiss.IndexFlatIP(arrays[0].shape[1])
index.add(np.concatenate(arrays).astype(np.float32))
_, nearest = index.search(np.concatenate(arrays).astype(np.float32), 1)
found["faiss"] = {"nearest": nearest[:, 0].tolist()}

from autofaiss import build_index

index, _ = build_index(
    place("npy-float32", "img_emb"), save_on_disk=False, metric_type="ip", max_index_memory_usage="1GB",
    current_memory_available="8GB", nb_cores=1, verbose=40, index_key="Flat",
)
_, nearest = index.search(np.concatenate(arrays).astype(np.float32), 1)
found["autofaiss"] = {"nearest": nearest[:, 0].tolist()}

from datasets import load_dataset

photos = load_dataset(place("parquet-float32"), split="train", cache_dir=place("cache"))
report("datasets", photos["photo_id"], photos["vector"], features={name: str(of) for name, of in photos.features.items()})
half = load_dataset(place("parquet-float16"), split="train", cache_dir=place("cache")).with_format("numpy")
report("datasets float16", half["photo_id"][:], half["vector"][:])

frame = pd.concat([pd.read_csv(file) for file in sorted(glob.glob(place("csv", "*.csv")))])
report("pandas csv", frame.photo_id, frame.vector.map(json.loads))
rows = duckdb.sql(f"select photo_id, vector::float[] from '{place('csv', '*.csv')}' order by photo_id").fetchall()
report("duckdb csv", [row[0] for row in rows], [row[1] for row in rows])

frame = pd.concat([pd.read_json(file, lines=True) for file in sorted(glob.glob(place("jsonl", "*.jsonl")))])
report("pandas jsonl", frame.photo_id, frame.vector, first=json.loads(frame.head(1).drop(columns="vector").to_json(orient="records", date_format="epoch"))[0])

from google.protobuf import text_format
from tensorboard.plugins.projector import projector_config_pb2

config = projector_config_pb2.ProjectorConfig()
with open(place("tensorboard", "projector_config.pbtxt")) as file:
    text_format.Parse(file.read(), config)
from tensorboard.plugins.projector.projector_plugin import _read_tensor_tsv_file

ids, vectors = [], []
for embedding in config.embeddings:
    vectors.append(_read_tensor_tsv_file(place("tensorboard", embedding.tensor_path)))
    with open(place("tensorboard", embedding.metadata_path)) as file:
        header, *lines = [line.rstrip("\n").split("\t") for line in file]
    assert all(len(line) == len(header) for line in lines)
    assert len(lines) == len(vectors[-1])
    ids += [line[header.index("photo_id")] for line in lines]
report("tensorboard", ids, np.concatenate(vectors))

import webdataset

shards = sorted(glob.glob(place("webdataset", "*.tar")))
samples = list(webdataset.WebDataset(shards, shardshuffle=False).decode())
report(
    "webdataset",
    [sample["__key__"] for sample in samples],
    [sample["npy"] for sample in samples],
    titles=[sample["json"]["photo_description"] for sample in samples],
    pictures={sample["__key__"]: len(sample["jpg"]) for sample in webdataset.WebDataset(shards, shardshuffle=False) if "jpg" in sample},
)

from embedding_atlas.cli import main as embedding_atlas

names = sorted(glob.glob(place("atlas", "*.parquet")))
options = ["--x", "projection_x", "--y", "projection_y", "--neighbors", "neighbors", "--text", "photo_description"]
archive = place("atlas.zip")
embedding_atlas([*names, *options, "--export-application", archive], standalone_mode=False)
with ZipFile(archive) as application:
    props = json.loads(application.read("data/metadata.json"))["props"]
    frame = pd.read_parquet(BytesIO(application.read("data/dataset.parquet")))
found["embedding-atlas"] = {
    "ids": frame.photo_id.tolist(),
    "points": frame[["projection_x", "projection_y"]].to_numpy().tolist(),
    "neighbours": [row["ids"].tolist() for row in frame.neighbors],
    "distances": [row["distances"].tolist() for row in frame.neighbors],
    "props": props,
}

print(json.dumps(found, allow_nan=False))
