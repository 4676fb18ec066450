"""Teaches a model file one's own tools.

python3 -m training.finetune data.jsonl [--model model/thimble.san] --out tuned.san

data.jsonl is the format of the original: one object a line with `query` (text), `tools` (a list of
{"name", "description", "parameters"}, or that as JSON text) and `answers` (a list of {"name", "arguments"}, or that as
JSON text; [] when nothing fits; null where a required value was not said). A fifth of the lines, at most 200, is held
out: accuracy on it is printed before and after, and the confidence is fitted anew when it holds 50 answers or more.
Minutes on a GPU; on a CPU some seconds a line and epoch.
"""
import argparse
import dataclasses
import json
from pathlib import Path
import random
import sys
import time

import numpy as np
import sentencepiece
import torch

from .calibrate import calibrate, features
from .config import StageConfig
from .decode import greedy
from .evaluate import asked, examples_of, is_exact, prediction
from .loader import to_tensors
from .optim import MATRICES
from .quantize import round_at_random
from .render import answer_text, as_schema, tool_text
from .rows import MAX_ANSWER_PIECES, MAX_QUERY_PIECES, MAX_TOOL_PIECES, ROW, T, RowBuilder
from .san import read_san, write_san
from .schema import call_errors
from .train import Cluster, Trainer

TOOL_ROOM = 700  # pieces of a row that tools may take
MULTIPLE = 128   # rows are cut to the longest of a batch, rounded up to this
MAX_ROWS = 8     # rows a step; few data are learned in smaller steps
# Attention matrices alone, in small steps: with the embedding, or in larger ones, it learns the examples by heart and forgets
# the rest (training/runs/LOG.md, failed experiments).
STAGE = StageConfig("finetune", muon_lr=0.001, adamw_lr=0.0, warmup_steps=5, dropout=0.05)


def _json(value):
    return json.loads(value) if isinstance(value, str) else value


def read_example(line):
    """A line of the data -> {"query", "tools", "answers"}. ValueError says what is wrong with it."""
    record = json.loads(line)
    if not isinstance(record, dict) or not isinstance(record.get("query"), str) or not record["query"].strip():
        raise ValueError("`query` must be a text")
    tools, answers = _json(record.get("tools")), _json(record.get("answers"))
    if not isinstance(tools, list) or not tools or not all(isinstance(t, dict) and isinstance(t.get("name"), str) for t in tools):
        raise ValueError("`tools` must be a list of objects with a `name`")
    if not isinstance(answers, list) or not all(isinstance(c, dict) and isinstance(c.get("arguments"), dict) for c in answers):
        raise ValueError("`answers` must be a list of {\"name\", \"arguments\"}")
    schemas = {t["name"]: as_schema(t.get("parameters")) for t in tools}
    for call in answers:
        if call.get("name") not in schemas:
            raise ValueError(f"the answer calls {call.get('name')!r}, which is no tool of this line")
        schema = schemas[call["name"]]
        unsaid = dict.fromkeys(schema.get("required", []))  # may be null, or not be there at all
        wrong = call_errors({**call, "arguments": {**unsaid, **call["arguments"]}}, schema)
        if wrong:
            raise ValueError(wrong[0])
    return {"query": record["query"], "tools": tools, "answers": answers}


def read_data(path):
    """The examples of a file; ValueError names the line that is wrong."""
    out = []
    with open(path, encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            if line.strip():
                try:
                    out.append(read_example(line))
                except ValueError as error:
                    raise ValueError(f"{path}, line {number}: {error}") from None
    if len(out) < 10:
        raise ValueError(f"{path} has {len(out)} examples; at least 10 are needed, some hundred are better")
    return out


def split(examples, seed):
    """-> training examples, held-out examples"""
    order = random.Random(seed).sample(examples, len(examples))
    held = min(200, max(2, len(order) // 5))
    return order[held:], order[:held]


class Packer:
    """Examples as rows; those of one tool list share a row, and each pass sees other distractors."""

    def __init__(self, tokenizer):
        self.tokenizer, self.skipped = tokenizer, 0

    def rows(self, examples, rng):
        """-> array of ROW records with all examples that fit a row."""
        groups, self.skipped = {}, 0
        for e in rng.sample(examples, len(examples)):
            groups.setdefault(json.dumps(e["tools"], sort_keys=True), []).append(e)
        rows = []
        for group in groups.values():
            while group:
                row = np.zeros((), ROW)
                added = self._fill(row, group, rng)
                self.skipped += not added
                group = group[max(1, added):]
                if added:
                    rows.append(row)
        return np.array(rows, ROW)

    def _fill(self, row, group, rng):
        """Adds examples from the start of the group; -> how many."""
        builder, segments, count = RowBuilder(row), {}, 0
        tools = {t["name"]: self.tokenizer.encode(tool_text(t)) for t in group[0]["tools"]}
        for e in group:
            query = self.tokenizer.encode(e["query"])
            answer = self.tokenizer.encode(answer_text(e["tools"], e["answers"]))
            gold = {c["name"] for c in e["answers"]}
            needed = sum(len(tools[n]) for n in gold - set(segments)) + len(query) + 1
            if len(query) > MAX_QUERY_PIECES or len(answer) > MAX_ANSWER_PIECES or builder.enc + needed > T \
                    or any(len(tools[n]) > MAX_TOOL_PIECES for n in gold):
                break
            self._add_tools(builder, segments, tools, gold, rng, first=count == 0)
            seen = [n for n in segments if n in gold or rng.random() < 0.8]
            if not gold <= set(segments) or not builder.add_query(
                    query, answer, [segments[n] for n in seen], [segments[n] for n in gold]):
                break
            count += 1
        return count

    @staticmethod
    def _add_tools(builder, segments, tools, gold, rng, first):
        """The called tools; with the first query also others, in random order, as far as there is room."""
        names = sorted(gold - set(segments))
        others = rng.sample(sorted(set(tools) - gold), len(tools) - len(gold)) if first else []
        for name in names + others:
            room = name in gold or builder.enc + len(tools[name]) <= TOOL_ROOM
            segment = builder.add_tool(tools[name]) if room and name not in segments else 0
            if segment:
                segments[name] = segment


def trimmed(rows):
    """The batch as tensors, cut to its longest row."""
    tensors = to_tensors(rows, False)
    for part in ("enc", "dec"):
        used = int((tensors[f"{part}_seg"] > 0).sum(1).max())
        length = min(tensors[f"{part}_seg"].shape[1], -(-used // MULTIPLE) * MULTIPLE)
        for key in tensors:
            if key.startswith(part):
                tensors[key] = tensors[key][:, :length].contiguous()
    return tensors


def evaluate(model, held, tokenizer):
    """-> share of exact answers, features of the answers and whether each is right"""
    cases = [{"id": i, "query": e["query"], "tools": e["tools"]} for i, e in enumerate(held)]
    answers = greedy(model, examples_of(cases, tokenizer))
    predictions = [prediction(c, a, tokenizer) for c, a in zip(cases, answers)]
    right = [is_exact(p.get("calls"), [asked(e["answers"])]) for p, e in zip(predictions, held)]
    x = [features(p["log_probabilities"], p["raw"] == "[]") for p in predictions]
    return sum(right) / len(right), x, right


def fit(model, examples, tokenizer, epochs, seed):
    """Trains the model in place and rounds it to codes; prints a line a pass."""
    cluster = Cluster()
    kind = "sdpa" if cluster.device.type == "cuda" else "math"
    trainer = Trainer(model.cfg, STAGE, cluster, kind, compiled=False)
    trainer.model.load_state_dict(model.state_dict())
    rng, packer = random.Random(seed), Packer(tokenizer)
    passes = [packer.rows(examples, rng) for _ in range(epochs)]
    size, step, start = max(1, min(MAX_ROWS, len(passes[0]) // 4)), 0, time.time()
    total = sum(-(-len(rows) // size) for rows in passes)
    if packer.skipped:
        print(f"{packer.skipped} examples are too long for a row of {T} pieces and are left out", file=sys.stderr)
    for number, rows in enumerate(passes, 1):
        losses = []
        for begin in range(0, len(rows), size):
            factor = min(1.0, (step + 1) / STAGE.warmup_steps) * (1 - step / total)
            losses.append(trainer.train_step(trimmed(rows[begin:begin + size]), factor)[0].item())
            step += 1
            print(f"\rstep {step} of {total}, {time.time() - start:.0f} s", end="", file=sys.stderr)
        print(f"\rpass {number} of {epochs}: loss {np.mean(losses):.4f}, {time.time() - start:.0f} s", file=sys.stderr)
    generator = torch.Generator().manual_seed(seed)
    model.load_state_dict({k: round_at_random(v.cpu(), generator) if k.rsplit(".", 1)[-1] in MATRICES else v.cpu()
                           for k, v in trainer.model.state_dict().items()})


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data")
    parser.add_argument("--model", default="model/thimble.san")
    parser.add_argument("--tokenizer", default="model/tokenizer.model")
    parser.add_argument("--out", required=True)
    parser.add_argument("--epochs", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    try:
        examples = read_data(args.data)
        san = read_san(args.model)
        tokenizer = sentencepiece.SentencePieceProcessor(model_file=args.tokenizer)
    except (OSError, ValueError, RuntimeError) as error:
        raise SystemExit(f"finetune: {error}")
    if tokenizer.get_piece_size() != san.model.cfg.vocab_size:
        raise SystemExit(f"finetune: {args.tokenizer} is not the tokenizer of {args.model}")
    print(json.dumps(run(san, tokenizer, examples, args)))


def run(san, tokenizer, examples, args):
    """Before, training, after; writes the file. -> the numbers"""
    train, held = split(examples, args.seed)
    device = "cuda" if torch.cuda.is_available() else "cpu"
    before, _, _ = evaluate(san.model.to(device), held, tokenizer)
    print(f"{len(train)} examples to learn, {len(held)} held out, {100 * before:.1f} % of these exact before", file=sys.stderr)
    fit(san.model.cpu(), train, tokenizer, args.epochs, args.seed)
    write_san(args.out, san)
    san = read_san(args.out)  # what the file holds after quantization
    after, x, right = evaluate(san.model.to(device), held, tokenizer)
    out = {"held_out": len(held), "exact_before": round(before, 4), "exact_after": round(after, 4)}
    try:
        weights, out["ECE"], out["AUROC"] = calibrate(x, right)
        san.model.cfg = dataclasses.replace(san.model.cfg, calibration=tuple(weights))
        write_san(args.out, san)
    except ValueError as error:
        print(f"the confidence stays as it was: {error}", file=sys.stderr)
    return {**out, "bytes": Path(args.out).stat().st_size}


if __name__ == "__main__":
    main()
