"""Times scikit-learn and umap-learn: scikit_learn.py TASK FOLDER SETTINGS (JSON). Prints one JSON object."""
import json
import os
import sys
import time

import numpy as np

task, folder, settings = sys.argv[1], sys.argv[2], json.loads(sys.argv[3])
vectors = np.load(os.path.join(folder, "vectors.npy"))


def timed(fit):
    start = time.perf_counter()
    found = fit()
    return found, time.perf_counter() - start


def kmeans():
    from sklearn.cluster import KMeans

    model = KMeans(settings["k"], n_init=1, max_iter=settings["iterations"], tol=0, random_state=settings["seed"])
    _, seconds = timed(lambda: model.fit(vectors))
    return {"seconds": seconds, "quality": float(model.inertia_)}


def pca():
    from sklearn.decomposition import PCA

    model = PCA(settings["components"])
    _, seconds = timed(lambda: model.fit(vectors))
    return {"seconds": seconds, "quality": float(model.explained_variance_ratio_.sum())}


def logistic():
    from scipy.special import logsumexp
    from sklearn.linear_model import LogisticRegression

    classes = np.load(os.path.join(folder, "classes.npy"))[:, 0]
    model = LogisticRegression(C=1, tol=settings["tolerance"], max_iter=1000)
    _, seconds = timed(lambda: model.fit(vectors, classes))
    weights = model.coef_.astype(np.float64)
    logits = vectors.astype(np.float64) @ weights.T + model.intercept_
    losses = logsumexp(logits, axis=1) - logits[np.arange(len(classes)), classes]
    return {"seconds": seconds, "quality": float((losses.sum() + (weights**2).sum() / 2) / len(classes))}


def umap():
    from umap import UMAP

    # With a seed it would use one thread.
    made = lambda: UMAP(n_neighbors=settings["neighbours"])
    # The first call compiles.
    made().fit(vectors[:500])
    points, seconds = timed(lambda: made().fit_transform(vectors))
    return {"seconds": seconds, "quality": trust(points) if settings["judged"] else None}


def trust(points):
    from sklearn.manifold import trustworthiness

    return float(trustworthiness(vectors, points, n_neighbors=settings["neighbours"]))


def judged():
    return {"quality": trust(np.load(settings["points"]))}


tasks = {"kmeans": kmeans, "pca": pca, "logistic": logistic, "umap": umap, "trustworthiness": judged}
print(json.dumps(tasks[task]()))
