"""Writes training/eval/unseen.jsonl: cases over tools that are never trained on (data/split.py).

    python3 -m training.data.export_unseen --cases 800

The committed file is frozen: it was written before the second batch of cards, so that runs compare.
Format of the development set (id, suite, query, tools, accept, tags), so that its scorer reads it.
Suites: the kinds of example. A case whose required value is unsaid also accepts [] and the call without it.
"""
import argparse
import itertools
import json
from collections import Counter

from training.data.corpus import DEFAULT_CORPUS, Corpus
from training.data.generate import banned_queries
from training.data.library import Library
from training.data.pools import CardPools, ScenePools
from training.data.situation import finish
from training.data.tasks import fingerprint, rng_for

BUDGET = 700         # pieces of tools
PER_SITUATION = 4


def accepted(calls):
    """The acceptable answers of one example."""
    if not any(v is None for c in calls for v in c["arguments"].values()):
        return [calls]
    said = [{"name": c["name"], "arguments": {k: v for k, v in c["arguments"].items() if v is not None}} for c in calls]
    return [[], said]


def cases(corpus, count, seed):
    library = Library(corpus, "unseen")
    pools, seen = [(CardPools(library, corpus), 0.7), (ScenePools(library, corpus), 0.3)], set(banned_queries())
    rng = rng_for(seed, "unseen")
    out = []
    while len(out) < count:
        pool = rng.choices([p for p, _ in pools], [w for _, w in pools])[0]
        situation = pool.situation(rng, BUDGET)
        if situation is None:
            continue
        for ask in itertools.islice(situation.asks, PER_SITUATION):
            example = finish(rng, ask, situation.dressed) if ask else None
            if example is None or fingerprint(example.query) in seen:
                continue
            seen.add(fingerprint(example.query))
            tools = [situation.dressed[i].tool for i in example.visible]
            rng.shuffle(tools)
            suite = "refusal" if not example.calls else example.kind
            out.append({"id": f"unseen-{len(out):04d}", "suite": suite, "query": example.query, "tools": tools,
                        "accept": accepted(example.calls), "tags": [example.kind, example.source, example.lang]})
    return out[:count]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default=DEFAULT_CORPUS)
    parser.add_argument("--out", default="training/eval/unseen.jsonl")
    parser.add_argument("--cases", type=int, default=800)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    out = cases(Corpus(args.corpus), args.cases, args.seed)
    with open(args.out, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(c, ensure_ascii=False) + "\n" for c in out)
    print(f"{args.out}: {len(out)} cases", dict(Counter(c["suite"] for c in out)),
          "tools a case", sum(len(c["tools"]) for c in out) / len(out))


if __name__ == "__main__":
    main()
