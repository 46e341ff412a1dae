"""Times scikit-learn: scikit_learn.py TASK VECTORS.npy SETTINGS (JSON). Prints one JSON object."""
import json
import sys
import time

import numpy as np

task, path, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
vectors = np.load(path)


def kmeans():
    from sklearn.cluster import KMeans

    model = KMeans(settings["k"], n_init=1, max_iter=settings["iterations"], tol=0, random_state=settings["seed"])
    start = time.perf_counter()
    model.fit(vectors)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "iterations": int(model.n_iter_), "quality": float(model.inertia_)}


def pca():
    from sklearn.decomposition import PCA

    model = PCA(settings["components"])
    start = time.perf_counter()
    model.fit(vectors)
    seconds = time.perf_counter() - start
    return {"seconds": seconds, "quality": float(model.explained_variance_ratio_.sum())}


print(json.dumps({"kmeans": kmeans, "pca": pca}[task]()))
