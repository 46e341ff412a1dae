"""FAISS on the vectors that search.mjs searches: search-faiss.py FOLDER COUNT LISTS TEXT_LISTS HNSW(0|1) QUERIES

One thread, one query at a time; indexes are built by two threads, as those of Postgres by two processes. Prints JSON: the ten nearest of every query by kind and cosine similarity, and recall@10 and times by index and
effort. Trained indexes are kept in FOLDER/faiss, since that takes minutes.
"""
import json
import os
import sys
import time

import faiss
import numpy as np

AXES, WINDOW, ROOM = 192, 120, 2.5
M, EF_CONSTRUCTION = 16, 64
KINDS = ("text", "image", "photo")
PROBES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)
EFFORTS = (20, 40, 80, 160, 320, 640, 1280)


def main(folder, count, lists, text_lists, with_hnsw, most):
    faiss.omp_set_num_threads(1)
    vectors = np.asarray(np.load(f"{folder}/corpus.npy", mmap_mode="r")[:count], np.float32)
    queries = {kind: np.load(f"{folder}/queries-{kind}.npy")[:most].astype(np.float32) for kind in KINDS}
    known = np.load(f"{folder}/texts-known.npy").astype(np.float32)

    # Rounding to halves changes lengths in the fourth digit, and with them the order of near neighbours: inner products, which
    # FAISS compares, are judged by inner products, and ours, which are of unit vectors, by cosine similarity.
    by_cosine = nearest(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), queries)
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    truth = {kind: flat.search(q, 10)[1] for kind, q in queries.items()}
    rows = [measure("exact", kind, None, lambda q: flat.search(q, 10)[1], queries[kind][:50], truth[kind]) for kind in KINDS]
    builds = []
    plain = kept(f"{folder}/faiss/ivf-{count}-{lists}", builds, lambda: ivf(vectors, lists, faiss.METRIC_INNER_PRODUCT))
    rows += curve("IndexIVFFlat", plain, "nprobe", PROBES, lists, KINDS, queries, truth)
    if with_hnsw:
        graph = kept(f"{folder}/faiss/hnsw-{count}-{M}-{EF_CONSTRUCTION}", builds, lambda: hnsw(vectors))
        rows += curve("IndexHNSWFlat", graph.hnsw, "efSearch", EFFORTS, count, KINDS, queries, truth, graph)
    rows += turned(folder, vectors, text_lists, known, queries["text"], truth["text"], builds)
    print(json.dumps({"truth": {kind: ids.tolist() for kind, ids in by_cosine.items()}, "rows": rows, "builds": builds}))


def nearest(vectors, queries):
    flat = faiss.IndexFlatIP(vectors.shape[1])
    flat.add(vectors)
    return {kind: flat.search(q, 10)[1] for kind, q in queries.items()}


def ivf(vectors, lists, metric):
    quantizer = (faiss.IndexFlatIP if metric == faiss.METRIC_INNER_PRODUCT else faiss.IndexFlatL2)(vectors.shape[1])
    index = faiss.IndexIVFFlat(quantizer, vectors.shape[1], lists, metric)
    index.cp.spherical = metric == faiss.METRIC_INNER_PRODUCT
    index.train(vectors[: 50 * lists])
    index.add(vectors)
    return index


def hnsw(vectors):
    index = faiss.IndexHNSWFlat(vectors.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(vectors)
    return index


def turned(folder, vectors, lists, known, texts, truth, builds):
    """The space of the text index (src/domain/text-space.ts), in single precision, its candidates re-ranked."""
    weights, axes = np.linalg.eigh(known.T @ known / len(known))
    weights, axes = weights[::-1][:AXES], axes[:, ::-1][:, :AXES]
    mean = vectors[:3000].mean(0)
    photos = (vectors - mean) @ (axes * np.sqrt(weights))
    radius = ROOM * np.linalg.norm(photos[:3000], axis=1).max()
    last = np.sqrt(np.maximum(0, radius**2 - (photos**2).sum(1, keepdims=True)))
    photos = np.ascontiguousarray(np.concatenate([photos, last], 1), np.float32)
    index = kept(f"{folder}/faiss/turned-{len(vectors)}-{lists}", builds, lambda: ivf(photos, lists, faiss.METRIC_L2))

    def search(query):
        point = query @ (axes / np.sqrt(weights))
        point = np.concatenate([point * (8 * radius / np.linalg.norm(point)), np.zeros((1, 1))], 1).astype(np.float32)
        found = index.search(point, WINDOW)[1][0]
        found = found[found >= 0]
        return found[np.argsort(-(vectors[found] @ query[0]))[:10]][None]

    for probes in (p for p in PROBES if p <= lists):
        index.nprobe = probes
        yield measure("IndexIVFFlat, turned", "text", probes, search, texts, truth)


def curve(name, knobs, knob, efforts, most, kinds, queries, truth, index=None):
    for kind in kinds:
        for effort in (e for e in efforts if e <= most):
            setattr(knobs, knob, effort)
            row = measure(name, kind, effort, lambda q: (index or knobs).search(q, 10)[1], queries[kind], truth[kind])
            yield row
            if row["recall"] > 0.998:
                break


def measure(name, kind, effort, search, queries, truth):
    times, hits = [], 0
    search(queries[:1])
    for i in range(len(queries)):
        start = time.perf_counter()
        found = search(queries[i : i + 1])
        times.append(1000 * (time.perf_counter() - start))
        hits += len(np.intersect1d(found[0], truth[i]))
    p50, p95, p99 = np.percentile(times, (50, 95, 99))
    return {"index": name, "kind": kind, "effort": effort, "recall": hits / truth[: len(queries)].size, "p50": p50, "p95": p95,
            "p99": p99, "qps": 1000 / float(np.mean(times))}


def kept(file, builds, build):
    """An index as it was kept, else built and kept; how long it took is kept as well."""
    os.makedirs(os.path.dirname(file), exist_ok=True)
    if not os.path.exists(f"{file}.json"):
        start = time.perf_counter()
        faiss.omp_set_num_threads(2)
        index = build()
        faiss.omp_set_num_threads(1)
        facts = {"index": os.path.basename(file), "seconds": time.perf_counter() - start}
        faiss.write_index(index, file)
        with open(f"{file}.json", "w") as out:
            json.dump({**facts, "bytes": os.path.getsize(file)}, out)
    with open(f"{file}.json") as facts:
        builds.append(json.load(facts))
    return faiss.read_index(file)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
