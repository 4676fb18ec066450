"""The data report: counts, shares, fill rates, lengths and random samples of the task mix.

    python3 -m training.data.report --corpus .cache/corpus --rows 200 --samples 40
"""
import argparse
from collections import Counter
from types import SimpleNamespace

import numpy as np

from training.data.corpus import DEFAULT_CORPUS
from training.data.generate import TOKENIZER, make_task_rows
from training.data.tasks import rng_for
from training.render import answer_text, tool_text
from training.rows import ROW, D, T


def share_table(title, counts):
    total = sum(counts.values())
    print(f"\n{title}")
    for name, count in counts.most_common(40):
        print(f"  {name:24}{count:8}{100 * count / total:7.1f} %")


def show(situation, example, tools=2):
    print(f"\n[{example.source} {example.kind} {example.lang}] sees {len(example.visible)} of {len(situation.dressed)} tools")
    chosen = example.gold + [i for i in example.visible if i not in example.gold]
    for i in chosen[:max(tools, len(example.gold))]:
        print("  tool  ", tool_text(situation.dressed[i].tool)[:400])
    print("  query ", example.query)
    print("  answer", answer_text([situation.dressed[i].tool for i in example.gold], example.calls))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default=DEFAULT_CORPUS)
    parser.add_argument("--tokenizer", default=TOKENIZER)
    parser.add_argument("--rows", type=int, default=200)
    parser.add_argument("--samples", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    maker = make_task_rows(SimpleNamespace(corpus=args.corpus, tokenizer=args.tokenizer), "train")
    rng, kept = rng_for(args.seed, "report"), []
    rows = np.zeros(args.rows, ROW)
    for record in rows:
        maker.fill(record, rng, kept)
    examples = [e for _, e in kept]
    print(f"{len(rows)} rows, {len(examples)} examples, {len(examples) / len(rows):.1f} a row")
    print(f"fill: encoder {(rows['enc_seg'] > 0).mean():.3f} of {T}, decoder {(rows['dec_seg'] > 0).mean():.3f} of {D}")
    for title, key in (("source", lambda e: e.source), ("kind", lambda e: e.kind), ("language", lambda e: e.lang),
                       ("visible tools", lambda e: len(e.visible)), ("calls", lambda e: len(e.calls))):
        share_table(title, Counter(key(e) for e in examples))
    pools = list({id(s): s for s, _ in kept}.values())
    tool_lengths = [len(maker.sp.encode(tool_text(d.tool))) for s in pools for d in s.dressed]
    query_lengths = [len(q) for q in maker.sp.encode([e.query for e in examples])]
    print(f"\npieces: tool {np.mean(tool_lengths):.1f}, query {np.mean(query_lengths):.1f}, tools a pool {np.mean([len(s.dressed) for s in pools]):.1f},"
          f" with examples {np.mean([bool(d.tool.get('examples')) for s in pools for d in s.dressed]):.2f}")
    for situation, example in rng.sample(kept, min(args.samples, len(kept))):
        show(situation, example)


if __name__ == "__main__":
    main()
