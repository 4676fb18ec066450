"""Greedy predictions of a weights file for cases, in PyTorch and without a grammar.

python3 -m training.evaluate --weights W.safetensors --cases FILE.jsonl --out predictions.jsonl
`--quantized` emulates the INT8 kernels. Scores with ../shared/eval/score.py where that exists.
"""
import argparse
import json
import math
from pathlib import Path
import subprocess
import sys
import time

import sentencepiece
import torch

from .decode import greedy
from .export import load_weights
from .render import parse_answer, tool_text

SCORE = Path(__file__).parents[2] / "shared" / "eval" / "score.py"


def read_cases(path):
    with open(path, encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


def examples_of(cases, tokenizer):
    out = []
    for case in cases:
        tools = case["tools"]
        tools = json.loads(tools) if isinstance(tools, str) else tools
        out.append(([tokenizer.encode(tool_text(t)) for t in tools],
                    tokenizer.encode(case["query"])))
    return out


def prediction(case, answer, tokenizer):
    text = tokenizer.decode(answer.pieces)
    confidence = math.exp(sum(answer.log_probabilities))
    try:
        return {"id": case["id"], "calls": parse_answer(text), "confidence": confidence}
    except ValueError:
        return {"id": case["id"], "text": text, "confidence": confidence}


def predict(model, cases, tokenizer):
    """-> one prediction a case, in the format of score.py."""
    start = time.time()

    def progress(done):
        print(f"\r{done}/{len(cases)} cases, {time.time() - start:.0f} s", end="", file=sys.stderr)
    answers = greedy(model, examples_of(cases, tokenizer), progress=progress)
    print(file=sys.stderr)
    return [prediction(c, a, tokenizer) for c, a in zip(cases, answers)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--weights", required=True)
    parser.add_argument("--cases", required=True)
    parser.add_argument("--out", required=True)
    parser.add_argument("--tokenizer", default="model/tokenizer.model")
    parser.add_argument("--quantized", action="store_true")
    parser.add_argument("--score", default=str(SCORE))
    args = parser.parse_args()
    model = load_weights(args.weights).to("cuda" if torch.cuda.is_available() else "cpu")
    model.quantized = args.quantized
    tokenizer = sentencepiece.SentencePieceProcessor(model_file=args.tokenizer)
    predictions = predict(model, read_cases(args.cases), tokenizer)
    with open(args.out, "w", encoding="utf-8") as file:
        for p in predictions:
            file.write(json.dumps(p, ensure_ascii=False) + "\n")
    if Path(args.score).exists():
        subprocess.run([sys.executable, args.score, args.cases, args.out], check=True)


if __name__ == "__main__":
    main()
