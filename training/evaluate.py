"""Greedy predictions of a weights file for cases, in PyTorch and without a grammar.

python3 -m training.evaluate --weights W.safetensors|MODEL.san --cases FILE.jsonl --out predictions.jsonl
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
from .render import parse_answer, squeeze, tool_text
from .san import load_model

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


def asked(calls):
    """The calls that a page would get: none where a required value was not said (null), since it has to ask back."""
    return [] if any(None in c["arguments"].values() for c in calls) else calls


def _comparable(value):
    """Text in one case, numbers by value and truth values apart from them, objects without order."""
    if isinstance(value, bool) or value is None:
        return repr(value)
    if isinstance(value, str):
        return squeeze(value).casefold()
    if isinstance(value, list):
        return [_comparable(v) for v in value]
    if isinstance(value, dict):
        return sorted((k, repr(_comparable(v))) for k, v in value.items())
    return float(value)


def is_exact(calls, accepted):
    """Are the calls, in any order, one of the accepted answers? None (no JSON) is never."""
    form = lambda answer: sorted(repr(_comparable({"name": c["name"], "arguments": c["arguments"]})) for c in answer)
    return calls is not None and any(form(calls) == form(answer) for answer in accepted)


def prediction(case, answer, tokenizer):
    text = tokenizer.decode(answer.pieces)
    out = {"id": case["id"], "confidence": math.exp(sum(answer.log_probabilities)),
           "log_probabilities": answer.log_probabilities, "raw": text}
    try:
        return {**out, "calls": asked(parse_answer(text))}
    except ValueError:
        return {**out, "text": text}


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
    model = load_model(args.weights).to("cuda" if torch.cuda.is_available() else "cpu")
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
