"""Writes vectors as the usual tools do, each file with the same rows: python write_fixtures.py FOLDER [ROWS] [DIMENSION]

With --small it writes what the fast tests read into test/imports/fixtures.
"""
import importlib.util
import json
import sys
import tarfile
import io
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq


def vectors(rows: int, dimension: int) -> np.ndarray:
    numbers = np.random.default_rng(7).standard_normal((rows, dimension)).astype("float32")
    return numbers / np.linalg.norm(numbers, axis=1, keepdims=True)


def names(rows: int) -> list[str]:
    return [f"photo{row:06d}" for row in range(rows)]


def numpy_files(folder: Path, matrix: np.ndarray) -> None:
    rows = len(matrix)
    np.save(folder / "f4.npy", matrix)
    np.save(folder / "f2.npy", matrix.astype("float16"))
    np.save(folder / "f8.npy", matrix.astype("float64"))
    np.save(folder / "big-endian.npy", matrix.astype(">f4"))
    np.save(folder / "fortran.npy", np.asfortranarray(matrix))
    np.save(folder / "ids.npy", np.array(names(rows)))
    np.save(folder / "ids-bytes.npy", np.array(names(rows)).astype("S"))
    (folder / "ids.txt").write_text("\n".join(names(rows)) + "\n")
    with open(folder / "version2.npy", "wb") as file:
        np.lib.format.write_array(file, matrix, version=(2, 0))
    np.save(folder / "objects.npy", np.array([list(row) for row in matrix] + [None], dtype=object))
    np.savez(folder / "archive.npz", matrix=matrix)


def arrow_files(folder: Path, matrix: np.ndarray) -> None:
    rows, dimension = matrix.shape
    ids = pa.array(names(rows))
    flat = pa.array(matrix.ravel())

    def write(name: str, column: pa.Array, **options) -> None:
        table = pa.table({"photo_id": ids, "embedding": column})
        pq.write_table(table, folder / f"{name}.parquet", **options)

    offsets = pa.array(np.arange(0, rows * dimension + 1, dimension, dtype="int32"))
    lists = pa.ListArray.from_arrays(offsets, flat)
    write("list", lists)
    write("list-groups", lists, row_group_size=7)
    write("list-v2", lists, data_page_version="2.0", compression="zstd")
    write("list-plain", lists, use_dictionary=False, compression="none", data_page_size=1000)
    write("list-split", lists, use_dictionary=False, column_encoding={"embedding.list.element": "BYTE_STREAM_SPLIT"})
    write("fixed", pa.FixedSizeListArray.from_arrays(flat, dimension))
    write("list-f8", pa.ListArray.from_arrays(offsets, flat.cast(pa.float64())))
    write("list-f2", pa.ListArray.from_arrays(offsets, pa.array(matrix.astype("float16").ravel())))
    write("large-list", pa.LargeListArray.from_arrays(offsets.cast(pa.int64()), flat), compression="gzip")
    nulls = [list(map(float, row)) for row in matrix]
    nulls[1] = None
    nulls[2] = []
    nulls[3] = [None] + nulls[3][1:]
    nulls[4] = nulls[4] + [1.0]
    nulls[5] = nulls[5][:-1]
    write("nulls", pa.array(nulls, pa.list_(pa.float32())), row_group_size=3)
    write("nested", pa.array([[list(map(float, row))] for row in matrix], pa.list_(pa.list_(pa.float32()))))
    write("integers", pa.array([[1] * dimension] * rows, pa.list_(pa.int32())))
    frame = pd.DataFrame({"photo_id": names(rows), "embedding": list(matrix)})
    frame.to_parquet(folder / "pandas.parquet")
    frame.assign(embedding=[json.dumps([float(x) for x in row]) for row in matrix]).to_csv(folder / "json.csv", index=False)
    columns = pd.DataFrame(matrix, columns=[f"dim_{i}" for i in range(dimension)])
    columns.insert(0, "photo_id", names(rows))
    columns.to_csv(folder / "columns.csv", index=False)
    frame.assign(embedding=[[float(x) for x in row] for row in matrix]).to_json(
        folder / "pandas.jsonl", orient="records", lines=True, double_precision=15
    )


def code_of(package: str, path: str):
    """A file of an installed package, without the package: it would import PyTorch, or OpenCV."""
    root = importlib.util.find_spec(package).submodule_search_locations[0]
    spec = importlib.util.spec_from_file_location(f"{package}_{Path(path).stem}", Path(root) / path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def img2dataset(folder: Path, rows: int) -> None:
    """A shard with what img2dataset's downloader knows of each image, by img2dataset's own writer."""
    writers = code_of("img2dataset", "writer.py")
    texts = ["url", "caption", "key", "status", "error_message", "exif", "sha256"]
    numbers = ["width", "height", "original_width", "original_height"]
    schema = pa.schema([(name, pa.string()) for name in texts] + [(name, pa.int32()) for name in numbers])
    writer = writers.WebDatasetSampleWriter(0, str(folder), True, 5, schema, "jpg")
    for row in range(rows):
        key, caption = f"{row:09d}", f"caption of {row}"
        meta = {"url": f"https://photos.test/{row}.jpg", "caption": caption, "key": key, "status": "success"}
        meta |= {"error_message": None, "exif": "{}", "sha256": "0" * 64, "width": 256, "height": 171}
        writer.write(b"\xff\xd8\xff", key, caption, meta | {"original_width": 600 + row, "original_height": 400})
    writer.close()


def clip_retrieval(folder: Path, images: Path, matrix: np.ndarray) -> None:
    """Vectors of the images of img2dataset, by clip-retrieval's own writer: float16, a file per partition."""
    from webdataset import WebDataset

    writers = code_of("clip_retrieval", "clip_inference/writer.py")
    samples = list(WebDataset(str(images / "00000.tar"), shardshuffle=False))
    half, partitions = len(matrix) // 2, 10
    for partition, rows in [(0, range(0, half)), (9, range(half, len(matrix)))]:
        write = writers.NumpyWriter(partition, str(folder), True, True, True, partitions)
        for first in range(rows.start, rows.stop, 256):
            batch = range(first, min(first + 256, rows.stop))
            numbers = matrix[batch.start : batch.stop].astype("float16")
            of = [samples[row] for row in batch]
            write(
                {
                    "image_embs": numbers,
                    "text_embs": numbers,
                    "image_filename": [sample["__key__"] for sample in of],
                    "text": [sample["txt"].decode() for sample in of],
                    "metadata": [sample["json"].decode() for sample in of],
                }
            )
        write.flush()


def webdataset(path: Path, matrix: np.ndarray) -> None:
    with tarfile.open(path, "w") as archive:
        for name, row in zip(names(len(matrix)), matrix):
            file = io.BytesIO()
            np.save(file, row)
            for extension, content in [("npy", file.getvalue()), ("json", json.dumps({"caption": name}).encode())]:
                entry = tarfile.TarInfo(f"{name}.{extension}")
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))


def hugging_face(folder: Path, matrix: np.ndarray) -> None:
    from datasets import Dataset, Features, Sequence, Value

    features = Features({"photo_id": Value("string"), "embedding": Sequence(Value("float32"), length=matrix.shape[1])})
    rows = {"photo_id": names(len(matrix)), "embedding": matrix}
    (folder / "data").mkdir(parents=True)
    Dataset.from_dict(rows, features=features).to_parquet(str(folder / "data" / "train-00000-of-00001.parquet"), batch_size=5)


def encrypted(path: Path, matrix: np.ndarray) -> None:
    import base64
    import pyarrow.parquet.encryption as pe

    class Kms(pe.KmsClient):
        def wrap_key(self, key_bytes, master_key_identifier):
            return base64.b64encode(key_bytes)

        def unwrap_key(self, wrapped_key, master_key_identifier):
            return base64.b64decode(wrapped_key)

    config = pe.EncryptionConfiguration(footer_key="f", column_keys={"c": ["photo_id"]})
    properties = pe.CryptoFactory(lambda _: Kms()).file_encryption_properties(pe.KmsConnectionConfig(), config)
    table = pa.table({"photo_id": names(len(matrix)), "embedding": pa.array(list(map(list, matrix)))})
    with pq.ParquetWriter(path, table.schema, encryption_properties=properties) as writer:
        writer.write_table(table)


def main() -> None:
    is_small = "--small" in sys.argv
    folder = Path(__file__).parent.parent / "fixtures" if is_small else Path(sys.argv[1])
    rows, dimension = (20, 8) if is_small else (int(sys.argv[2]), int(sys.argv[3]))
    matrix = vectors(rows, dimension)
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "expected.npy", matrix)
    arrow_files(folder, matrix)
    encrypted(folder / "encrypted.parquet", matrix)
    if is_small:
        for name in ["json.csv", "columns.csv", "pandas.jsonl"]:
            (folder / name).unlink()
        return
    numpy_files(folder, matrix)
    (folder / "img2dataset").mkdir()
    img2dataset(folder / "img2dataset", rows)
    clip_retrieval(folder / "clip-retrieval", folder / "img2dataset", matrix)
    webdataset(folder / "shard.tar", matrix)
    hugging_face(folder / "hugging-face", matrix)


main()
