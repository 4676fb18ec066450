"""Confidence: fits the three numbers of a model file's calibration section (src/weights/FORMAT.md, section 6).

python3 -m training.calibrate --cases training/eval/unseen.jsonl --predictions P.jsonl [--model IN.san --out OUT.san]

Predictions are those of the engine that ships (`npm run eval -- CASES --out P`): `log_probability` of the answer among the
legal ones, `outcome`, and `calls` or `text`. ECE (ten bins) and AUROC are of five-fold cross-validation. Logistic regression (Platt, 1999).
"""
import argparse
import dataclasses
import json

import numpy as np

from .evaluate import is_exact, read_cases
from .san import read_san, write_san

FOLDS, BINS, RIDGE, STEPS = 5, 10, 1e-3, 50
LEAST = 50  # answers, right and wrong ones among them, that a fit needs


def features(log_probabilities, no_call):
    """-> [1, ln(1e-4 - sum), no call]; the weights of these are a, b, c."""
    return [1.0, float(np.log(1e-4 - sum(log_probabilities))), float(no_call)]


def probability(x, weights):
    return 1 / (1 + np.exp(-np.asarray(x) @ weights))


def fit(x, right):
    """Newton's method on x (n, 3), right (n,) -> weights (3,)"""
    weights = np.zeros(x.shape[1])
    for _ in range(STEPS):
        p = probability(x, weights)
        gradient = x.T @ (p - right) / len(right) + RIDGE * weights
        curvature = (x.T * (p * (1 - p))) @ x / len(right) + RIDGE * np.eye(len(weights))
        weights -= np.linalg.solve(curvature, gradient)
    return weights


def calibration_error(p, right):
    """ECE: mean over ten bins of |confidence - accuracy|, by the answers in them."""
    bins = np.minimum((p * BINS).astype(int), BINS - 1)
    return float(sum(abs((p - right)[bins == b].sum()) for b in range(BINS)) / len(p))


def auroc(p, right):
    """Chance that a right answer has more confidence than a wrong one; ties count half."""
    good, bad = p[right == 1], p[right == 0]
    return float(((good[:, None] > bad).mean() + (good[:, None] == bad).mean() / 2))


def cross_validated(x, right, seed=1):
    order = np.random.default_rng(seed).permutation(len(right))
    out = np.zeros(len(right))
    for fold in range(FOLDS):
        test = order[fold::FOLDS]
        train = np.setdiff1d(order, test)
        out[test] = probability(x[test], fit(x[train], right[train]))
    return out


def calibrate(x, right):
    """x: list of features, right: list of bool -> (weights as floats, ECE, AUROC). ValueError with too few answers."""
    x, right = np.array(x), np.array(right, float)
    if len(right) < LEAST or not 0.02 < right.mean() < 0.98:
        raise ValueError(f"{len(right)} answers with {100 * np.mean(right):.0f} % right do not fix a calibration")
    p = cross_validated(x, right)
    weights = fit(x, right)
    if weights[1] >= 0:
        raise ValueError("less probable answers are right more often: confidence would fall with certainty")
    return weights.tolist(), calibration_error(p, right), auroc(p, right)


def judged(predictions, accepted):
    """predictions, accepted: by id -> features and truth of each case that was answered"""
    answered = {key: p for key, p in predictions.items() if "log_probability" in p}
    x = [features([p["log_probability"]], p["outcome"] == "irrelevant") for p in answered.values()]
    return x, [is_exact(p["calls"], accepted[key]) for key, p in answered.items()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", required=True)
    parser.add_argument("--predictions", required=True)
    parser.add_argument("--model", help="a .san file that gets the calibration")
    parser.add_argument("--out", help="where that file goes; default: in place")
    args = parser.parse_args()
    accepted = {c["id"]: c["accept"] for c in read_cases(args.cases)}
    predictions = {p["id"]: p for p in read_cases(args.predictions)}
    weights, error, area = calibrate(*judged(predictions, accepted))
    print(json.dumps({"calibration": [round(w, 4) for w in weights], "ECE": round(error, 4), "AUROC": round(area, 4)}))
    if args.model:
        san = read_san(args.model)
        san.model.cfg = dataclasses.replace(san.model.cfg, calibration=tuple(weights))
        write_san(args.out or args.model, san)


if __name__ == "__main__":
    main()
