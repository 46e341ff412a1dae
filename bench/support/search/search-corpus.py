"""Vectors that behave like CLIP's, grown from real ones: search-corpus.py FOLDER COUNT [CORPUS] [SEED]

CORPUS is own (default), b or differences: three ways to grow; or real, the real vectors in random order. Reads unsplash/clip-vit-b-32-image.npy and
clip-text/clip-vit-b-32-text.npy of REFERENCE (float16, unit length) and writes

  FOLDER/corpus.npy         [COUNT, 512] float16, unit length; the first n rows are the corpus of n
  FOLDER/queries-text.npy   half of the real texts, none of which took part in growing
  FOLDER/texts-known.npy    the other half
  FOLDER/queries-photo.npy  100 real photos, none of which took part in growing (not for b, which grows from all)
  FOLDER/queries-image.npy  300 vectors grown like the corpus and not in it; for real, queries-image-N.npy: up to 200
                            real photos that are not among the first N

and prints the similarity of the corpus to the real vectors, as JSON. docs/explanation/search.md explains the methods.
"""
import json
import os
import sys

import numpy as np

NEIGHBOURS = 30
# Position of a cluster's centre between its photo (1) and the mean of the neighbours (0).
TOWARDS_PHOTO = 0.8
# The degree to which a photo shows its subject is drawn with mean 1. The photo moves towards a text in proportion to it, and
# with a higher degree further towards the photos that show the subject best.
STEP = 0.03
PULL = 0.11
SHOWN_BEST = 5
# Certainty with which the drawn text suits the photo: CLIP's own scale.
LOGIT_SCALE = 100
CHUNK = 20_000
SAMPLE = 200_000
HELD_OUT_PHOTOS = 100
GROWN_QUERIES = 300
REAL_COUNTS = (250, 500)


# Corpus b: what distinguishes a photo from the mean of its neighbours moves to other places.
B_NEIGHBOURS, B_AMPLITUDE, B_NOISE, B_SEED = 40, 1.2, 0.4, 411
# Corpus differences: a photo moves by two differences between its neighbours.
DIFFERENCE_NEIGHBOURS, DIFFERENCE_STEP = 20, 0.5


def main(folder, count, corpus="own", seed=1):
    photos, texts = load("unsplash/clip-vit-b-32-image.npy"), load("clip-text/clip-vit-b-32-text.npy")
    draw = np.random.default_rng(seed)
    photo_order, text_order = draw.permutation(len(photos)), draw.permutation(len(texts))
    held_out, seeds = photos[photo_order[:HELD_OUT_PHOTOS]], photos[photo_order[HELD_OUT_PHOTOS:]]
    queries, concepts = texts[text_order[: len(texts) // 2]], texts[text_order[len(texts) // 2 :]]

    if corpus == "real":
        return write_real(folder, photos[photo_order], queries, concepts)
    growers = {
        "own": lambda: grower(seeds, concepts, seed),
        "b": lambda: grower_b(photos, seed),
        "differences": lambda: grower_of_differences(seeds, seed),
    }
    grow = growers[corpus]()
    os.makedirs(folder, exist_ok=True)
    out = np.lib.format.open_memmap(f"{folder}/corpus.npy", "w+", np.float16, (count, photos.shape[1]))
    for start in range(0, count, CHUNK):
        out[start : start + CHUNK] = grow(1 + start // CHUNK, min(CHUNK, count - start))
    out.flush()
    image_queries = grow(0, GROWN_QUERIES)
    halves = {"queries-text": queries, "texts-known": concepts, "queries-image": image_queries}
    if corpus != "b":
        halves["queries-photo"] = held_out
    for name, vectors in halves.items():
        np.save(f"{folder}/{name}.npy", vectors.astype(np.float16))
    print(json.dumps(likeness(out, photos, queries, image_queries)))


def write_real(folder, photos, queries, concepts):
    os.makedirs(folder, exist_ok=True)
    np.save(f"{folder}/corpus.npy", photos.astype(np.float16))
    np.save(f"{folder}/queries-text.npy", queries.astype(np.float16))
    np.save(f"{folder}/texts-known.npy", concepts.astype(np.float16))
    for n in REAL_COUNTS:
        np.save(f"{folder}/queries-image-{n}.npy", photos[n : n + 200].astype(np.float16))
    print("null")


def load(name):
    return np.load(os.path.join(os.environ["REFERENCE"], name)).astype(np.float32)


def grower(seeds, concepts, seed):
    """A function of chunk number and size: a mixture of Gaussians, one per photo, each with the covariance of its neighbours."""
    alike = seeds @ seeds.T
    nearest = np.argsort(-alike, 1)[:, : NEIGHBOURS + 1]
    mean = seeds[nearest].mean(1)
    middle = mean + TOWARDS_PHOTO * (seeds - mean)
    spread = (seeds[nearest] - mean[:, None]) / np.sqrt(NEIGHBOURS)
    scores = seeds @ concepts.T
    usual_score = scores.mean(0)
    best = seeds[np.argsort(-scores, 0)[:SHOWN_BEST]].mean(0)
    directions = unit(concepts - concepts.mean(0))

    def clusters(draw, count):
        chosen = np.sort(draw.integers(0, len(seeds), count))
        vectors = np.empty((count, seeds.shape[1]), np.float32)
        ends = np.searchsorted(chosen, np.arange(len(seeds) + 1))
        for i, (start, end) in enumerate(zip(ends, ends[1:])):
            vectors[start:end] = middle[i] + draw.standard_normal((end - start, NEIGHBOURS + 1), np.float32) @ spread[i]
        return unit(draw.permutation(vectors))

    # Along each principal axis of the real vectors, the same variance as theirs; around the same mean.
    sample = clusters(np.random.default_rng([seed, 0, 1]), SAMPLE)
    variance, axes = np.linalg.eigh(np.cov(seeds.T))
    grown = np.einsum("ij,ij->j", axes, np.cov(sample.T) @ axes)
    stretch = (axes * np.clip(np.sqrt(np.maximum(variance, 1e-9) / np.maximum(grown, 1e-9)), 0.3, 3)) @ axes.T
    stretch, sample_mean, real_mean = stretch.astype(np.float32), sample.mean(0), seeds.mean(0)

    def grow(chunk, count):
        draw = np.random.default_rng([seed, chunk])
        vectors = unit((clusters(draw, count) - sample_mean) @ stretch + real_mean)
        # Few photos show any one thing, and those show it to different degrees.
        logits = LOGIT_SCALE * (vectors @ concepts.T - usual_score)
        chance = np.cumsum(np.exp(logits - logits.max(1, keepdims=True)), 1)
        text = (chance < draw.random((count, 1)) * chance[:, -1:]).sum(1)
        degree = draw.exponential(1, (count, 1)).astype(np.float32)
        pull = 1 - np.exp(-((PULL * degree) ** 2))
        return unit(vectors + pull * (best[text] - vectors) + STEP * degree * directions[text])

    return grow


def grower_b(photos, seed):
    """A photo's place (the mean of its neighbours) plus the residual of other photos, plus noise with the residuals' covariance."""
    photos = unit(photos)
    alike = photos @ photos.T
    np.fill_diagonal(alike, -1)
    near = np.argsort(-alike, 1)[:, :B_NEIGHBOURS]
    place = photos[near].mean(1)
    residual = photos - place
    _, strength, axes = np.linalg.svd(residual - residual.mean(0), full_matrices=False)
    deviation = (strength / np.sqrt(len(residual) - 1)).astype(np.float32)
    # One stream for the corpus, as its chunks come in order, and another one for queries.
    streams = {True: np.random.default_rng(B_SEED - 1 + seed), False: np.random.default_rng([B_SEED, seed])}

    def grow(chunk, n):
        draw = streams[chunk > 0]
        i = draw.integers(0, len(photos), n)
        other = near[i, draw.integers(0, B_NEIGHBOURS, n)]
        w = draw.beta(2, 2, n).astype(np.float32)[:, None]
        base = w * place[i] + (1 - w) * place[other]
        j = np.where(draw.random(n) < 0.5, near[i, draw.integers(0, B_NEIGHBOURS, n)], draw.integers(0, len(photos), n))
        j2 = near[i, draw.integers(0, B_NEIGHBOURS, n)]
        turn = draw.uniform(0, np.pi / 2, n).astype(np.float32)[:, None]
        vectors = base + B_AMPLITUDE * (np.cos(turn) * residual[j] + np.sin(turn) * residual[j2])
        vectors += B_NOISE * (draw.standard_normal((n, len(deviation)), dtype=np.float32) * deviation) @ axes
        return unit(vectors)

    return grow


def grower_of_differences(seeds, seed):
    """A photo plus what distinguishes its neighbours from each other."""
    near = np.argsort(-(seeds @ seeds.T), 1)[:, :DIFFERENCE_NEIGHBOURS]

    def grow(chunk, n):
        draw = np.random.default_rng([seed, chunk, 3])
        i = draw.integers(0, len(seeds), n)
        a, b, c, d = (seeds[near[i, draw.integers(0, DIFFERENCE_NEIGHBOURS, n)]] for _ in range(4))
        turn = draw.uniform(0, np.pi / 2, n).astype(np.float32)[:, None]
        return unit(seeds[i] + DIFFERENCE_STEP * (np.cos(turn) * (a - b) + np.sin(turn) * (c - d)))

    return grow


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def likeness(corpus, photos, texts, image_queries):
    """Similarities of the real photos beside as many grown ones, and of both as there are more of them."""
    real = len(photos)
    grown = np.asarray(corpus[:real], np.float32)
    sizes = [n for n in (100, 200, 400, 600, 5_000, 20_000, 100_000, 1_000_000) if n <= len(corpus)]
    return {
        "rows": len(corpus),
        "among700": [row for name, set in (("real", photos), ("grown", grown)) for row in profile(name, set, texts)],
        "bySize": [
            {"photos": n, **of_size(n, photos, texts, image_queries, corpus)} for n in sizes
        ],
    }


def profile(name, photos, texts):
    among = photos @ photos.T
    np.fill_diagonal(among, -1)
    for kind, scores in (("image to image", among), ("text to image", texts @ photos.T)):
        ordered = np.sort(scores, 1)[:, ::-1]
        hits = np.bincount(np.argsort(-scores, 1)[:, :10].ravel(), minlength=len(photos))
        for what, values in (("nearest", ordered[:, 0]), ("10th", ordered[:, 9]), ("median", np.median(scores, 1))):
            quantiles = {f"p{q}": float(np.quantile(values, q / 100)) for q in (5, 25, 50, 75, 95)}
            yield {"vectors": name, "pairs": kind, "neighbour": what, **quantiles}
        skew = float(((hits - hits.mean()) ** 3).mean() / hits.std() ** 3)
        yield {"vectors": name, "pairs": kind, "neighbour": "hubs", "skew": skew, "never": float((hits == 0).mean())}


def of_size(n, photos, texts, image_queries, corpus):
    """Medians of the nearest and the 10th score among n; the real ones are mean of 20 draws with 100 other photos as queries."""
    result = {}
    if n + 100 <= len(photos):
        draws = [np.random.default_rng(i).permutation(len(photos)) for i in range(20)]
        result["real image"] = np.mean([medians(photos[d[:100]], photos[d[100 : 100 + n]]) for d in draws], 0).tolist()
        result["real text"] = np.mean([medians(texts, photos[d[:n]]) for d in draws], 0).tolist()
    result["grown image"] = medians(image_queries, corpus[:n])
    result["grown text"] = medians(texts, corpus[:n])
    return result


def medians(queries, vectors):
    best = np.full((len(queries), 10), -1, np.float32)
    for start in range(0, len(vectors), 50_000):
        scores = queries @ np.asarray(vectors[start : start + 50_000], np.float32).T
        best = np.partition(np.concatenate([best, scores], 1), -10, 1)[:, -10:]
    best.sort(1)
    return [float(np.median(best[:, 9])), float(np.median(best[:, 0]))]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), *sys.argv[3:4], *map(int, sys.argv[4:5]))
