"""What scikit-learn makes of vectors: clusters.py VECTORS.npy < questions.json > answers.json"""
import json
import sys

import numpy as np
from sklearn.cluster import HDBSCAN, KMeans
from sklearn.decomposition import PCA
from sklearn.manifold import trustworthiness
from sklearn.metrics import adjusted_rand_score, silhouette_score

vectors = np.load(sys.argv[1]).astype(np.float64)
questions = json.load(sys.stdin)
answers = {}

answers["inertia"] = [KMeans(k, n_init=20, random_state=0).fit(vectors).inertia_ for k in questions["ks"]]
answers["silhouette"] = [silhouette_score(vectors, each) for each in questions["assignments"]]

pca = PCA(questions["components"], svd_solver="full").fit(vectors)
answers["components"] = pca.components_.tolist()
answers["variance"] = pca.explained_variance_.tolist()
answers["explained"] = pca.explained_variance_ratio_.tolist()

reduced = np.array(questions["reduced"])
found = HDBSCAN(min_cluster_size=questions["min_size"]).fit(reduced)
answers["hdbscan"] = {
    "clusters": int(found.labels_.max() + 1),
    "agreement": adjusted_rand_score(found.labels_, questions["density"]),
    "labels": found.labels_.tolist(),
    "membership": found.probabilities_.tolist(),
}
answers["trustworthiness"] = [trustworthiness(vectors, np.array(each), n_neighbors=15) for each in questions["maps"]]
json.dump(answers, sys.stdout)
