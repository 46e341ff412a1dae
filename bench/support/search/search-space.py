"""The dropped index for texts (docs/explanation/dropped-experiments.md): maps photos and texts into the space in which texts differ.

search-space.py FOLDER COUNT writes

  FOLDER/space-COUNT.npy          [COUNT, 193] float16, the photos
  FOLDER/queries-space-COUNT.npy  [queries, 193] float16, the texts that ask
"""
import os
import sys

import numpy as np

AXES, ROOM, TEXT_LENGTH, SAMPLE, CHUNK = 192, 2.5, 8, 3000, 50_000


def mapping(photos, known):
    """Functions that map photos and texts. photos: a sample; known: texts that shape the space."""
    weights, axes = np.linalg.eigh(known.T @ known / len(known))
    weights, axes = weights[::-1][:AXES], axes[:, ::-1][:, :AXES]
    mean = photos.mean(0)
    stretched = axes * np.sqrt(weights)
    radius = ROOM * np.linalg.norm((photos - mean) @ stretched, axis=1).max()

    def of_photos(vectors):
        y = (vectors - mean) @ stretched
        last = np.sqrt(np.maximum(0, radius**2 - (y**2).sum(1, keepdims=True)))
        return np.ascontiguousarray(np.concatenate([y, last], 1), np.float32)

    def of_texts(vectors):
        s = vectors @ (axes / np.sqrt(weights))
        s *= TEXT_LENGTH * radius / np.linalg.norm(s, axis=1, keepdims=True)
        return np.concatenate([s, np.zeros((len(s), 1))], 1).astype(np.float32)

    return of_photos, of_texts


def main(folder, count):
    if os.path.exists(f"{folder}/queries-space-{count}.npy"):
        return
    corpus = np.load(f"{folder}/corpus.npy", mmap_mode="r")[:count]
    known, queries = (np.load(f"{folder}/{name}.npy").astype(np.float32) for name in ("texts-known", "queries-text"))
    of_photos, of_texts = mapping(np.asarray(corpus[:SAMPLE], np.float32), known)
    out = np.lib.format.open_memmap(f"{folder}/space-{count}.npy", "w+", np.float16, (count, AXES + 1))
    for start in range(0, count, CHUNK):
        out[start : start + CHUNK] = of_photos(np.asarray(corpus[start : start + CHUNK], np.float32))
    out.flush()
    np.save(f"{folder}/queries-space-{count}.npy", of_texts(queries).astype(np.float16))


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
