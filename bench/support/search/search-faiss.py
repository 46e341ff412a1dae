"""FAISS on the vectors that search.mjs searches: search-faiss.py FOLDER COUNT LISTS QUERIES INDEXES [BUILD_ONLY]

One thread, one query at a time; indexes are built by two threads, as those of Postgres by two processes. Prints JSON: the
ten nearest of every query by kind and cosine similarity; per index and kind the least effort that reaches the wanted
recall@10, its recall, its times, and the share of the vectors that it reads. Indexes, true nearest and efforts are kept in
FOLDER/faiss, since they take minutes.
"""
import json
import os
import sys
import time

import faiss
import numpy as np

M, EF_CONSTRUCTION = 16, 64
# Of k-means. More gain nothing here.
ITERATIONS = 10
KINDS = ("text", "image", "photo")
WANTED = {"text": 0.95, "image": 0.99, "photo": 0.99}
CHUNK, CLOSE, MOST_EF = 50_000, 1.05, 2_560


def main(folder, count, lists, most, indexes, build_only):
    corpus = np.load(f"{folder}/corpus.npy", mmap_mode="r")[:count]
    files = {kind: first(f"{folder}/queries-{kind}-{count}.npy", f"{folder}/queries-{kind}.npy") for kind in KINDS}
    queries = {kind: unit(np.load(file)[:most].astype(np.float32)) for kind, file in files.items() if file}
    os.makedirs(f"{folder}/faiss", exist_ok=True)
    truth = remembered(f"{folder}/faiss/truth-{count}-{most}.json", lambda: nearest(corpus, queries))
    rows = []
    for name, as_asked, knob, limit, build in (
        ("ivf", "ivfflat", "nprobe", lists, lambda vectors: ivf(vectors, lists)),
        ("hnsw", "hnsw", "efSearch", min(count, MOST_EF), hnsw),
    ):
        if as_asked not in indexes.split(","):
            continue
        index, built = kept(f"{folder}/faiss/{name}-{count}-{lists if name == 'ivf' else M}", corpus, build)
        if build_only:
            continue
        knobs = index if name == "ivf" else index.hnsw
        for kind, asked in queries.items():
            def run(effort, asked=asked, kind=kind):
                setattr(knobs, knob, effort)
                return measure(index, asked, truth[kind])

            file = f"{folder}/faiss/effort-{name}-{count}-{kind}-{most}.json"
            effort = remembered(file, lambda: least_effort(lambda e: run(e)["recall"], WANTED[kind], limit))
            found = run(effort or limit)
            share = read_share(index, asked, effort or limit, count) if name == "ivf" else None
            rows.append({"index": name, "kind": kind, "effort": effort or limit, **found, "read": share, **built})
    print(json.dumps({"truth": truth, "rows": rows}))


def first(*files):
    return next((file for file in files if os.path.exists(file)), None)


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def nearest(corpus, queries):
    """By kind the ten nearest of each query, by cosine similarity, a chunk of the corpus at a time."""
    best = {kind: (np.full((len(q), 10), -2, np.float32), np.zeros((len(q), 10), np.int64)) for kind, q in queries.items()}
    for start in range(0, len(corpus), CHUNK):
        vectors = unit(np.asarray(corpus[start : start + CHUNK], np.float32))
        for kind, asked in queries.items():
            scores = np.concatenate([best[kind][0], asked @ vectors.T], 1)
            ids = np.concatenate([best[kind][1], np.broadcast_to(np.arange(len(vectors)) + start, (len(asked), len(vectors)))], 1)
            top = np.argpartition(-scores, 10, 1)[:, :10]
            best[kind] = (np.take_along_axis(scores, top, 1), np.take_along_axis(ids, top, 1))
    return {kind: ids.tolist() for kind, (_, ids) in best.items()}


def ivf(vectors, lists):
    index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], lists, faiss.METRIC_INNER_PRODUCT)
    index.cp.spherical = True
    index.cp.min_points_per_centroid = 1
    index.cp.niter = ITERATIONS
    index.train(vectors[: 50 * lists])
    index.add(vectors)
    return index


def hnsw(vectors):
    index = faiss.IndexHNSWFlat(vectors.shape[1], M, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = EF_CONSTRUCTION
    index.add(vectors)
    return index


def least_effort(recall_at, wanted, limit):
    """Doubles the effort until the recall is reached, then bisects; None when the limit does not reach it."""
    below, effort = 0, 1
    while recall_at(effort) < wanted:
        if effort == limit:
            return None
        below, effort = effort, min(2 * effort, limit)
    while effort - below > 1 and effort > CLOSE * below:
        middle = round((max(below, 1) * effort) ** 0.5)
        if middle in (below, effort):
            break
        below, effort = (below, middle) if recall_at(middle) >= wanted else (middle, effort)
    return effort


def measure(index, queries, truth):
    times, hits = [], 0
    index.search(queries[:1], 10)
    for i in range(len(queries)):
        start = time.perf_counter()
        found = index.search(queries[i : i + 1], 10)[1]
        times.append(1000 * (time.perf_counter() - start))
        hits += len(np.intersect1d(found[0], truth[i]))
    p50, p95 = np.percentile(times, (50, 95))
    return {"recall": hits / (10 * len(queries)), "p50": p50, "p95": p95}


def read_share(index, queries, probes, count):
    """Mean share of the vectors in the lists that are probed."""
    sizes = np.array([index.invlists.list_size(i) for i in range(index.nlist)])
    probed = index.quantizer.search(queries, probes)[1]
    return float(sizes[probed].sum(1).mean() / count)


def remembered(file, compute):
    if not os.path.exists(file):
        result = compute()
        with open(file, "w") as out:
            json.dump(result, out)
    with open(file) as known:
        return json.load(known)


def kept(file, corpus, build):
    """An index as it was kept, else built and kept, with its size and the time that it took."""
    if not os.path.exists(f"{file}.json"):
        vectors = unit(np.asarray(corpus, np.float32))
        start, cpu = time.perf_counter(), time.process_time()
        faiss.omp_set_num_threads(2)
        index = build(vectors)
        facts = {"seconds": time.perf_counter() - start, "cpuSeconds": time.process_time() - cpu}
        faiss.write_index(index, file)
        with open(f"{file}.json", "w") as out:
            json.dump({**facts, "bytes": os.path.getsize(file)}, out)
        del index, vectors
    faiss.omp_set_num_threads(1)
    with open(f"{file}.json") as facts:
        return faiss.read_index(file), json.load(facts)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5], len(sys.argv) > 6)
