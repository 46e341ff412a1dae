"""FAISS, hnswlib and usearch on the vectors of search.mjs: search-peers.py FOLDER COUNT LISTS QUERIES INDEXES [BUILD_ONLY]

One thread, one query at a time, then queries per second of two threads; indexes are built by two threads, as those of Postgres by two processes. Prints JSON: the
ten nearest of every query by kind and cosine similarity; per index and kind the least effort that reaches the wanted
recall@10, its recall, its times, and for lists the share of the vectors that it reads. Indexes, true nearest and efforts are
kept in FOLDER/peers, since they take minutes. A library that is not installed is left out and named on stderr.
"""
import importlib
import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

M, EF_CONSTRUCTION = 16, 64
# Of k-means. More gain nothing here.
ITERATIONS = 10
KINDS = ("text", "image", "photo")
WANTED = {"text": 0.95, "image": 0.99, "photo": 0.99}
# As many as this machine has cores: more ask no faster.
CORES, RATE_S = 2, 5
CHUNK, CLOSE, MOST_EF = 50_000, 1.05, 2_560


def main(folder, count, lists, most, indexes, build_only):
    corpus = np.load(f"{folder}/corpus.npy", mmap_mode="r")[:count]
    files = {kind: first(f"{folder}/queries-{kind}-{count}.npy", f"{folder}/queries-{kind}.npy") for kind in KINDS}
    queries = {kind: unit(np.load(file)[:most].astype(np.float32)) for kind, file in files.items() if file}
    os.makedirs(f"{folder}/peers", exist_ok=True)
    truth = remembered(f"{folder}/peers/truth-{count}-{most}.json", lambda: nearest(corpus, queries))
    rows = []
    for peer in (FaissLists(lists), FaissGraph(), Hnswlib(), Usearch()):
        if peer.asked_as not in indexes.split(",") or not installed(peer):
            continue
        file = f"{folder}/peers/{peer.name.replace(' ', '-')}-{count}-{peer.shape}"
        built = kept(file, corpus, peer)
        if build_only:
            continue
        limit = min(count, peer.most)
        for kind, asked in queries.items():
            def run(effort, peer=peer, asked=asked, kind=kind):
                peer.use(effort)
                return measure(peer, asked, truth[kind])

            effort_file = f"{folder}/peers/effort-{peer.name.replace(' ', '-')}-{count}-{kind}-{most}.json"
            effort = remembered(effort_file, lambda: least_effort(lambda e: run(e)["recall"], WANTED[kind], limit))
            found = run(effort or limit)
            read = peer.read_share(asked, effort or limit, count)
            rate = {"perSecond": per_second(peer, asked)}
            rows.append({"index": peer.name, "kind": kind, "effort": effort or limit, **found, **rate, "read": read, **built})
    print(json.dumps({"truth": truth, "rows": rows}))


class FaissLists:
    name, asked_as, module = "FAISS ivf", "ivfflat", "faiss"

    def __init__(self, lists):
        self.shape = self.most = lists

    def build(self, vectors):
        faiss = self.library
        index = faiss.IndexIVFFlat(faiss.IndexFlatIP(vectors.shape[1]), vectors.shape[1], self.shape, faiss.METRIC_INNER_PRODUCT)
        index.cp.spherical = True
        index.cp.min_points_per_centroid = 1
        index.cp.niter = ITERATIONS
        index.train(vectors[: 50 * self.shape])
        index.add(vectors)
        self.index = index

    def save(self, file):
        self.library.write_index(self.index, file)

    def load(self, file, count, dimension):
        self.index = self.library.read_index(file)

    def threads(self, count):
        self.library.omp_set_num_threads(count)

    def use(self, effort):
        self.index.nprobe = effort

    def search(self, query):
        return self.index.search(query, 10)[1][0]

    def read_share(self, queries, probes, count):
        """Mean share of the vectors in the lists that are probed."""
        sizes = np.array([self.index.invlists.list_size(i) for i in range(self.index.nlist)])
        probed = self.index.quantizer.search(queries, probes)[1]
        return float(sizes[probed].sum(1).mean() / count)


class FaissGraph(FaissLists):
    name, asked_as, shape, most = "FAISS hnsw", "hnsw", M, MOST_EF

    def __init__(self):
        pass

    def build(self, vectors):
        self.index = self.library.IndexHNSWFlat(vectors.shape[1], M, self.library.METRIC_INNER_PRODUCT)
        self.index.hnsw.efConstruction = EF_CONSTRUCTION
        self.index.add(vectors)

    def use(self, effort):
        self.index.hnsw.efSearch = effort

    def read_share(self, queries, effort, count):
        return None


class Hnswlib:
    name, asked_as, module, shape, most = "hnswlib", "hnsw", "hnswlib", M, MOST_EF
    index = None

    def build(self, vectors):
        self.index = self.library.Index(space="ip", dim=vectors.shape[1])
        self.index.init_index(max_elements=len(vectors), M=M, ef_construction=EF_CONSTRUCTION)
        self.index.set_num_threads(2)
        self.index.add_items(vectors)

    def save(self, file):
        self.index.save_index(file)

    def load(self, file, count, dimension):
        self.index = self.library.Index(space="ip", dim=dimension)
        self.index.load_index(file, max_elements=count)
        self.index.set_num_threads(1)

    def threads(self, count):
        pass

    def use(self, effort):
        self.index.set_ef(max(effort, 10))

    def search(self, query):
        return self.index.knn_query(query, 10)[0][0].astype(np.int64)

    def read_share(self, queries, effort, count):
        return None


class Usearch:
    """In half precision, as pgvector's indexes are."""

    name, asked_as, module, shape, most = "usearch", "hnsw", "usearch.index", M, MOST_EF

    def empty(self, dimension):
        return self.library.Index(
            ndim=dimension, metric="ip", dtype="f16", connectivity=M, expansion_add=EF_CONSTRUCTION
        )

    def build(self, vectors):
        self.index = self.empty(vectors.shape[1])
        self.index.add(np.arange(len(vectors)), vectors, threads=2)

    def save(self, file):
        self.index.save(file)

    def load(self, file, count, dimension):
        self.index = self.empty(dimension)
        self.index.load(file)

    def threads(self, count):
        pass

    def use(self, effort):
        self.index.expansion_search = effort

    def search(self, query):
        return self.index.search(query[0], 10, threads=1).keys.astype(np.int64)

    def read_share(self, queries, effort, count):
        return None


def installed(peer):
    try:
        peer.library = importlib.import_module(peer.module)
    except ImportError as error:
        print(f"\n!!! NO PEER: {peer.name}: {error}\n", file=sys.stderr)
        return False
    return True


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


def measure(peer, queries, truth):
    times, hits = [], 0
    peer.search(queries[:1])
    for i in range(len(queries)):
        start = time.perf_counter()
        found = peer.search(queries[i : i + 1])
        times.append(1000 * (time.perf_counter() - start))
        hits += len(np.intersect1d(found, truth[i]))
    p50, p95 = np.percentile(times, (50, 95))
    return {"recall": hits / (10 * len(queries)), "p50": p50, "p95": p95, "qps": 1000 * len(times) / sum(times)}


def per_second(peer, queries):
    """Queries per second of as many threads as cores, each one query at a time: the libraries let go of Python's lock."""
    start = time.perf_counter()

    def ask(thread):
        asked = 0
        peer.threads(1)
        while time.perf_counter() - start < RATE_S:
            i = (thread * len(queries) // CORES + asked) % len(queries)
            peer.search(queries[i : i + 1])
            asked += 1
        return asked

    with ThreadPoolExecutor(CORES) as pool:
        return sum(pool.map(ask, range(CORES))) / (time.perf_counter() - start)


def remembered(file, compute):
    if not os.path.exists(file):
        result = compute()
        with open(file, "w") as out:
            json.dump(result, out)
    with open(file) as known:
        return json.load(known)


def kept(file, corpus, peer):
    """Opens an index as it was kept, else builds and keeps it. @returns its size and the time that it took"""
    if not os.path.exists(f"{file}.json"):
        vectors = unit(np.asarray(corpus, np.float32))
        start, cpu = time.perf_counter(), time.process_time()
        peer.threads(2)
        peer.build(vectors)
        facts = {"seconds": time.perf_counter() - start, "cpuSeconds": time.process_time() - cpu}
        peer.save(file)
        with open(f"{file}.json", "w") as out:
            json.dump({**facts, "bytes": os.path.getsize(file)}, out)
        del vectors
    peer.load(file, len(corpus), corpus.shape[1])
    peer.threads(1)
    with open(f"{file}.json") as facts:
        return json.load(facts)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:5]), sys.argv[5], len(sys.argv) > 6)
