"""Draws the tools of the "tool in the wild" set: 200 random operations of openapi_tools.jsonl.xz with distractors.

    python3 training/eval/sample_wild.py ../shared/data/text/openapi_tools.jsonl.xz DRAFT.jsonl

Writes wild_tools.json beside this file: [api, name] of every drawn tool, which the training data leaves out.
DRAFT.jsonl gets one case a line: id, api, gold (the name of the drawn tool), tools (the drawn tool among 0 to 5 others).
The requests and answers of wild.jsonl were then written by hand.
"""
import json
import lzma
import os
import random
import re
import sys

SEED = 3
CASES = 200
MOST_OTHERS = 5
SAME_API = 0.5  # chance that a distractor is of the drawn tool's own API
TOOLS_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "wild_tools.json")
# Drawn, but nobody could phrase a request for them.
REJECTED = {
    ("aws/signer", "get_revocation_status"),  # requires two ARNs, hashes and a timestamp at once
    ("connector/Passage by 1Password - Auth", "currentuser_social_link_account"),  # takes two OAuth secrets
    ("mycru.io", "get_api_skills"),  # described as "Sample response."
}


def askable(tool):
    """False when neither the name nor the description says in words what the tool does."""
    said = re.findall(r"[A-Za-z]{3,}", tool["name"].replace("_", " ") + " " + tool["description"])
    return len(said) >= 2 and (tool["api"], tool["name"]) not in REJECTED


def as_tool(record):
    """The record as a tool with a JSON Schema."""
    properties = {}
    for key, spec in record["parameters"].items():
        properties[key] = {k: v for k, v in spec.items() if k != "required"}
        if "items" in spec:
            properties[key]["items"] = {"type": spec["items"]}
    schema = {"type": "object", "properties": properties}
    required = [k for k, spec in record["parameters"].items() if spec.get("required")]
    if required:
        schema["required"] = required
    return {"name": record["name"], "description": record["description"], "parameters": schema}


def others_for(gold, records, by_api, rng):
    """0 to 5 further tools with names of their own."""
    others = {}
    for _ in range(rng.randint(0, MOST_OTHERS)):
        source = by_api[gold["api"]] if rng.random() < SAME_API else records
        other = rng.choice(source)
        if other["name"] != gold["name"]:
            others[other["name"]] = other
    return list(others.values())


def draw(source):
    """The drawn cases: id, api, gold, tools."""
    with lzma.open(source, "rt", encoding="utf-8") as f:
        records = [json.loads(line) for line in f]
    by_api = {}
    for record in records:
        by_api.setdefault(record["api"], []).append(record)
    order = random.Random(SEED).sample(records, 2 * CASES)
    drawn = [record for record in order if askable(record)][:CASES]
    for number, gold in enumerate(drawn, 1):
        rng = random.Random(f"{SEED}/{gold['api']}/{gold['name']}")
        tools = [gold, *others_for(gold, records, by_api, rng)]
        rng.shuffle(tools)
        yield {"id": f"wild-{number:03}", "api": gold["api"], "gold": gold["name"], "tools": [as_tool(t) for t in tools]}


def main(source, draft):
    cases = list(draw(source))
    with open(draft, "w", encoding="utf-8") as f:
        f.writelines(json.dumps(case, ensure_ascii=False) + "\n" for case in cases)
    pairs = sorted([case["api"], case["gold"]] for case in cases)
    with open(TOOLS_FILE, "w", encoding="utf-8") as f:
        f.write("[\n" + ",\n".join(json.dumps(pair, ensure_ascii=False) for pair in pairs) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
