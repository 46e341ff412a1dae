"""Measures of rankings by trec_eval and scikit-learn: reads questions as JSON from stdin, writes answers to stdout."""
import json
import sys

import numpy as np
import pytrec_eval
from sklearn.metrics import average_precision_score, ndcg_score

questions = json.load(sys.stdin)
qrels = {str(i): {photo: int(grade) for photo, grade in q['relevance'].items()} for i, q in enumerate(questions)}
# Scores that fall with the rank, so that there are no ties.
runs = {str(i): {photo: float(-rank) for rank, photo in enumerate(q['ranking'])} for i, q in enumerate(questions)}
names = {'ndcg_10': 'ndcg_cut_10', 'recall_10': 'recall_10', 'recall_100': 'recall_100', 'map': 'map', 'mrr': 'recip_rank'}
evaluator = pytrec_eval.RelevanceEvaluator(qrels, {'ndcg_cut.10', 'recall.10,100', 'map', 'recip_rank'})
found = evaluator.evaluate(runs)

answers = []
for i, question in enumerate(questions):
    trec = found.get(str(i), {})
    answer = {'trec_eval': {ours: trec.get(theirs, 0.0) for ours, theirs in names.items()}}
    if question['isComplete']:
        grades = np.array([question['relevance'].get(photo, 0) for photo in question['ranking']], dtype=float)
        scores = -np.arange(len(grades), dtype=float)
        answer['scikit-learn'] = {
            'ndcg_10': float(ndcg_score([grades], [scores], k=10)),
            'map': float(average_precision_score(grades > 0, scores)),
        }
    answers.append(answer)
json.dump(answers, sys.stdout)
