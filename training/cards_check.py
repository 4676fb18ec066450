"""Validates files of cards and scenes (training/cards/README.md).

    python3 -m training.cards_check training/cards/*.jsonl

Every slot must exist and have a filler, every expansion must fit its tool's schema, and every answer
of a scene must name a tool of the scene and fit it. Prints file:line: what is wrong; exit status 1 then.
"""
import json
import random
import re
import sys

from training.data.cards import SLOT, fill, parse_card
from training.data.corpus import DEFAULT_CORPUS, Corpus
from training.schema import call_errors, types_of

SCENE_KINDS = {"plain", "confusable", "multi", "missing", "none", "correction", "negation", "adversarial", "multilingual"}


def tool_errors(tool):
    if not isinstance(tool, dict) or not isinstance(tool.get("name"), str) or not tool["name"]:
        return ["a tool needs a name"]
    parameters = tool.get("parameters")
    if not isinstance(parameters, dict) or parameters.get("type") != "object" or not isinstance(parameters.get("properties"), dict):
        return [f'{tool["name"]}: parameters must be {{"type":"object","properties":{{...}}}}']
    out = [f"{tool['name']}: required {k!r} is not in properties" for k in parameters.get("required", [])
           if k not in parameters["properties"]]
    known = {"string", "integer", "number", "boolean", "null", "array", "object"}
    for key, schema in parameters["properties"].items():
        if not isinstance(schema, dict) or not types_of(schema) <= known or not (types_of(schema) or "enum" in schema):
            out.append(f"{tool['name']}.{key}: needs a JSON Schema type")
    if not isinstance(tool.get("description", ""), str):
        out.append(f"{tool['name']}: description must be a string")
    return out


def expansion_errors(utterance, tool, rng):
    """Draws the utterance often enough to meet every listed filler value, and validates each draw."""
    schema = tool["parameters"]
    properties = schema["properties"]
    out = []
    for slot in utterance.slots():
        if slot not in properties:
            return [f"slot {{{slot}}} is no parameter of {tool['name']}"]
        if slot not in utterance.fillers:
            return [f"slot {{{slot}}} has no filler in s"]
    out += [f"{k!r} in a or n is no parameter" for k in [*utterance.fixed, *utterance.missing] if k not in properties]
    out += [f"{k!r} in n is not required" for k in utterance.missing if k not in schema.get("required", [])]
    out += [f"{k!r} is in n and also said" for k in utterance.missing if k in utterance.fixed or k in utterance.slots()]
    out += [f"{k!r} is a slot and also in a" for k in utterance.fixed if k in utterance.slots()]
    if re.search(r"\{|\}", SLOT.sub("", utterance.text)) and not utterance.fixed:
        out.append("stray brace")
    if out:
        return out
    for slot in utterance.slots():
        try:
            values = utterance.fillers[slot].everything(properties[slot])
        except ValueError as error:
            return [f"filler of {slot}: {error}"]
        for _, value in values:
            out += call_errors({"name": slot, "arguments": {slot: value}}, {"type": "object", "properties": {slot: properties[slot]}})
    for _ in range(8):
        _, arguments = fill(utterance, schema, rng)
        out += call_errors({"name": tool["name"], "arguments": arguments}, schema)
    return sorted(set(out))


def card_errors(record, corpus, rng):
    out = tool_errors(record.get("tool"))
    if out:
        return out
    if not isinstance(record.get("domain"), str):
        out.append("domain must be a string")
    unknown = set(record) - {"domain", "tool", "s", "u", "x"}
    out += [f"unknown key {k!r}" for k in sorted(unknown)]
    try:
        card = parse_card(record, corpus)
    except (KeyError, TypeError, SyntaxError) as error:
        return out + [f"{type(error).__name__}: {error}"]
    if not card.utterances:
        out.append("no utterances")
    for u in card.utterances:
        out += [f"{u.text!r}: {e}" for e in expansion_errors(u, card.tool, rng)]
    used = {s for u in card.utterances for s in u.slots()}
    out += [f"filler {k!r} is never used" for k in record.get("s", {}) if k not in used]
    out += [f"x must hold strings, not {x!r}" for x in card.misses if not isinstance(x, str)]
    return out


def scene_errors(record):
    out = [e for t in record["tools"] for e in tool_errors(t)]
    if out:
        return out
    tools = {t["name"]: t for t in record["tools"]}
    if len(tools) < len(record["tools"]):
        out.append("two tools have the same name")
    for case in record["cases"]:
        if not isinstance(case.get("q"), str) or not isinstance(case.get("a"), list):
            out.append(f"a case needs q and a: {case!r}")
            continue
        where = f"{case['q'][:60]!r}"
        if case.get("k") not in SCENE_KINDS:
            out.append(f"{where}: k is {case.get('k')!r}, not one of {sorted(SCENE_KINDS)}")
        if case.get("k") == "none" and case["a"]:
            out.append(f"{where}: k is none but a is not []")
        if case.get("k") == "multi" and len(case["a"]) < 2:
            out.append(f"{where}: k is multi but there are fewer than two calls")
        for call in case["a"]:
            if not isinstance(call, dict) or call.get("name") not in tools or not isinstance(call.get("arguments"), dict):
                out.append(f"{where}: no such tool or no arguments: {json.dumps(call, ensure_ascii=False)[:80]}")
            else:
                out += [f"{where}: {e}" for e in call_errors(call, tools[call["name"]]["parameters"])]
    return out


def check_file(path, corpus):
    """(records, error lines) of one file."""
    rng, count, out, seen = random.Random(0), 0, [], {}
    with open(path, encoding="utf-8") as f:
        for number, line in enumerate(f, 1):
            if not line.strip():
                continue
            count += 1
            try:
                record = json.loads(line)
                problems = scene_errors(record) if "cases" in record else card_errors(record, corpus, rng)
            except json.JSONDecodeError as error:
                problems = [f"no JSON: {error}"]
            except (KeyError, TypeError, AttributeError) as error:
                problems = [f"malformed: {type(error).__name__}: {error}"]
            else:
                if "tool" in record and not problems:
                    name = (record["domain"], record["tool"]["name"])
                    if name in seen:
                        problems.append(f"same domain and name as line {seen[name]}")
                    seen.setdefault(name, number)
            out += [f"{path}:{number}: {p}" for p in problems]
    return count, out


def main(paths):
    corpus = Corpus(DEFAULT_CORPUS)
    failed = False
    for path in paths:
        count, problems = check_file(path, corpus)
        print(*problems, f"{path}: {count} records, {len(problems)} problems", sep="\n")
        failed = failed or bool(problems)
    return 1 if failed else 0


if __name__ == "__main__":
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    sys.exit(main(sys.argv[1:]))
