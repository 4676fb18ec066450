"""Checks wild.jsonl: the tools are the drawn ones, every accepted answer fits its tool and is said in the query.

    python3 -m training.eval.check_wild ../shared/data/text/openapi_tools.jsonl.xz

The exit status is 1 when a case is wrong.
"""
import json
import os
import sys
from collections import Counter

from training.eval.sample_wild import CASES, draw
from training.schema import errors

WILD = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wild.jsonl")
# (case, parameter) whose value the query says in other words: a composed resource name, a coded choice, a number word.
DERIVED = {("wild-018", "name"), ("wild-019", "restart_type"), ("wild-083", "MaxResults")}


def choices(value):
    """The values that {"$any": [...]} or a plain value stands for."""
    return value["$any"] if isinstance(value, dict) and "$any" in value else [value]


def said(value, query):
    """True when the query contains the value; truth values, objects and enum values are left to the reader."""
    parts = value if isinstance(value, list) else [value]
    return all(isinstance(p, (bool, dict)) or str(p).lower() in query.lower() for p in parts)


def argument_faults(case, tool, arguments):
    properties = tool["parameters"]["properties"]
    for key, value in arguments.items():
        if key not in properties:
            yield f"no parameter {key}"
            continue
        for choice in choices(value):
            yield from errors(choice, properties[key], key)
        if "enum" not in properties[key] and (case["id"], key) not in DERIVED and not any(said(c, case["query"]) for c in choices(value)):
            yield f"{key}: {value!r} is not in the query"


def faults(case, drawn):
    """What is wrong with one case, as sentences."""
    gold = drawn["gold"]
    kept = [t for t in drawn["tools"] if t["name"] != gold]
    if case["tools"] != drawn["tools"] and not (case["suite"] == "wild_none" and kept and case["tools"] == kept):
        yield "not the drawn tools"
    if ([] in case["accept"]) != (case["suite"] != "wild_call"):
        yield "[] is accepted in the wrong suite"
    by_name = {t["name"]: t for t in case["tools"]}
    calls = [call for answer in case["accept"] for call in answer]
    if (case["suite"] == "wild_none") != (not calls):
        yield "calls and suite disagree"
    for call in calls:
        if call["name"] != gold:
            yield f"{call['name']} is not the drawn tool"
            continue
        unsaid = set(by_name[gold]["parameters"].get("required", ())) - set(call["arguments"])
        if bool(unsaid) != (case["suite"] == "wild_missing"):
            yield f"{len(unsaid)} required parameters unsaid in {case['suite']}"
        yield from argument_faults(case, by_name[gold], call["arguments"])


def main(source):
    with open(WILD, encoding="utf-8") as f:
        cases = [json.loads(line) for line in f]
    drawn = {case["id"]: case for case in draw(source)}
    bad = 0
    if [c["id"] for c in cases] != list(drawn) or len({c["query"] for c in cases}) != CASES:
        print(f"wild.jsonl holds {len(cases)} cases, not the {CASES} drawn ones, each with a request of its own")
        bad += 1
    for case in cases:
        for fault in faults(case, drawn[case["id"]]):
            print(f"{case['id']}: {fault}")
            bad += 1
    print(f"{len(cases)} cases, {bad} faults: {dict(Counter(c['suite'] for c in cases))}")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
