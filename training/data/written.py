"""Requests written by hand for real API tools.

training/requests/*.jsonl: one tool a line, {"tool": KEY, "name": NAME, "u": [[query, arguments], ...]}. The tool itself
stays in the public corpus; KEY finds it there, and a line whose tool is not there is skipped. This prints tools that still lack requests:

    python3 -m training.data.written --corpus .cache/corpus --from 0 --count 40

and this checks the files:

    python3 -m training.data.written --corpus .cache/corpus --check
"""
import argparse
import hashlib
import json
from pathlib import Path
import random

from training.data.corpus import DEFAULT_CORPUS, Corpus
from training.data.dress import draw_style, dress_tool
from training.data.openapi import simple
from training.data.pools import estimated_pieces, pool_size
from training.data.situation import Ask, Situation
from training.render import tool_text
from training.schema import call_errors

REQUESTS = Path(__file__).parent.parent / "requests"
WILD = Path(__file__).parent.parent / "eval" / "wild.jsonl"


def tool_key(tool):
    return hashlib.sha1(f"{tool['name']}\n{tool.get('description')}".encode()).hexdigest()[:12]


def fixed(tool):
    """The tool as its requests know it; None when it cannot be asked for."""
    return simple(tool, tool.get("api", ""), random.Random(tool_key(tool)))


def read_requests():
    """{key: [(query, arguments), ...]}"""
    lines = [json.loads(line) for path in sorted(REQUESTS.glob("*.jsonl")) for line in path.open()]
    return {r["tool"]: [(q, a) for q, a in r["u"]] for r in lines}


def corpus_tools(corpus):
    return list(corpus.api_tools()) + list(corpus.records("fc/tool_pool.jsonl.xz"))


class WrittenPools:
    """Pools around tools with requests of their own; mates of the same API and strangers are the distractors."""

    def __init__(self, pools):
        """pools: the OpenApiPools of the same corpus."""
        requests = read_requests()
        self.pools = pools
        self.anchors = []
        for group in self.pools.groups.values():
            for t in group:
                asked = requests.get(tool_key(t))
                if asked and (tool := fixed(t)):
                    self.anchors.append((tool, asked, group))

    def situation(self, rng, budget):
        size = pool_size(rng)
        first = rng.sample(self.anchors, min(len(self.anchors), max(1, size // 2)))
        mates = first[0][2]
        others = [simple(t, t.get("api", ""), rng) for t in rng.sample(mates, min(len(mates), size - len(first)))]
        chosen = [(t, asked) for t, asked, _ in first] + [(t, []) for t in others if t]
        style = draw_style(rng, size > 10)
        taken, dressed, kept = set(), [], []
        for tool, asked in chosen:
            if any(tool["name"] == other["name"] for other, _ in kept):
                continue
            d = dress_tool(rng, tool, style, taken)
            if style.examples and len(asked) > 2:
                shown = rng.choice(asked)
                d.tool["examples"], asked = [shown[0]], [u for u in asked if u is not shown]
            budget -= estimated_pieces(d.tool)
            if budget < 0:
                break
            dressed.append(d)
            kept.append((tool, asked))
        return Situation(dressed, self._asks(rng, kept)) if dressed else None

    def _asks(self, rng, kept):
        bags = self.pools.bags([tool for tool, _ in kept])
        asks = [(p, query, arguments) for p, (_, asked) in enumerate(kept) for query, arguments in asked]
        rng.shuffle(asks)
        for p, query, arguments in asks:
            schema = kept[p][0]["parameters"]
            ordered = {k: arguments[k] for k in schema["properties"] if k in arguments}
            kind = "missing" if None in ordered.values() else "plain"
            yield Ask(query, [(p, ordered)], kind, "written", blocked=self.pools.twins(bags, p))
            if rng.random() < 0.04:
                yield Ask(query, [], "removed", "written", blocked=self.pools.close(bags, p))


def show(corpus, first, count):
    """Tools without requests yet, in one shuffled order; at most one an API, none of the evaluation set."""
    done = set(read_requests())
    wild = {t["name"] for line in WILD.open() for t in json.loads(line)["tools"]}
    tools = corpus_tools(corpus)
    random.Random(7).shuffle(tools)
    seen, shown = set(), 0
    for tool in tools:
        group = tool.get("api") or tool.get("server") or tool["name"]
        if group in seen or tool["name"] in wild or tool_key(tool) in done:
            continue
        known = fixed(tool)
        if known is None or len(tool_text(known)) > 700:
            continue
        seen.add(group)
        if first <= shown < first + count:
            print(tool_key(tool), tool_text(known))
        shown += 1


def check(corpus):
    tools = {tool_key(t): t for t in corpus_tools(corpus)}
    errors = 0
    for key, asked in read_requests().items():
        if key not in tools:
            print(key, "is no tool of the corpus")
            errors += 1
            continue
        schema = fixed(tools[key])["parameters"]
        for query, arguments in asked:
            wrong = call_errors({"name": "", "arguments": {k: v for k, v in arguments.items() if v is not None}}, {**schema, "required": []})
            wrong += [f"{k} is missing" for k in schema["required"] if k not in arguments]
            if wrong:
                print(key, tools[key]["name"], repr(query), "; ".join(map(str, wrong)))
                errors += 1
    print(f"{sum(map(len, read_requests().values()))} requests for {len(read_requests())} tools, {errors} errors")
    return errors


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default=DEFAULT_CORPUS)
    parser.add_argument("--from", dest="first", type=int, default=0)
    parser.add_argument("--count", type=int, default=40)
    parser.add_argument("--check", action="store_true")
    args = parser.parse_args()
    corpus = Corpus(args.corpus)
    if args.check:
        raise SystemExit(1 if check(corpus) else 0)
    show(corpus, args.first, args.count)


if __name__ == "__main__":
    main()
