"""Writes tests/golden/prompt.json: tools and answers with their texts (src/prompt/FORMAT.md).

    python3 tests/golden/make_prompt_golden.py

The texts come from training/render.py; the C++ tests and tests/training/test_render.py read the file.
`tool_cases`: {"tool", "text"}. `answer_cases`: {"tools", "calls", "answer_text"}.
"""
import json
import os
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, ROOT)

from training.render import answer_text, tool_text  # noqa: E402


def tool(name="f", description=None, required=(), examples=None, **properties):
    out = {"name": name}
    if description is not None:
        out["description"] = description
    out["parameters"] = {"type": "object", "properties": properties, "required": list(required)}
    if examples is not None:
        out["examples"] = examples
    return out


S, I, N, B = ({"type": t} for t in ("string", "integer", "number", "boolean"))
LONG = "word " * 80
TOOLS = [
    tool("set_light", "Set the brightness of one room.", ["room"], ["dim the bedroom", "lights to 20"],
         room={"type": "string", "enum": ["kitchen", "bedroom"], "description": "Which room"}, level={"type": "integer", "minimum": 0, "maximum": 100}),
    tool("no_parameters", "Does it."), tool("bare"), tool("dotted.name-x", ""), tool("Name With Space", "  two   spaces \n and lines\t"),
    {"name": "no_schema", "description": "Nothing at all."}, {"name": "empty_schema", "parameters": {}}, {"name": "only_type", "parameters": {"type": "object"}},
    tool("types", "All words.", ["a", "g"], a=S, b=I, c=N, d=B, e={"type": "null"}, f={"type": "array"}, g={"type": "object"}, h={}, i={"type": "file"}),
    tool("formats", a={"type": "string", "format": "date-time"}, b={"type": "string", "format": ""}, c={"type": "integer", "format": "int64"}),
    tool("ranges", a={"type": "integer", "minimum": 1}, b={"type": "number", "maximum": 0.5}, c={"type": "integer", "exclusiveMinimum": 0, "exclusiveMaximum": 10},
         d={"type": "number", "minimum": -1.50, "maximum": 1e21}, e={"type": "integer", "minimum": 0, "exclusiveMinimum": True}, f={"type": "number", "minimum": 5.0}),
    tool("enums", a={"type": "string", "enum": ["x", "two words", " spaced  out "]}, b={"enum": ["only", "strings"]}, c={"type": "integer", "enum": [1, 2, 30]},
         d={"enum": ["a", 1, None, True]}, e={"type": ["string", "null"], "enum": ["a", None]}, f={"const": "fixed"}, g={"type": "number", "const": 2.50},
         h={"type": "string", "enum": []}, i={"type": "boolean", "enum": [True]}),
    tool("defaults", a={"type": "string", "default": "en"}, b={"type": "integer", "default": 10}, c={"type": "boolean", "default": False},
         d={"type": "array", "items": S, "default": ["a", "b"]}, e={"type": "string", "default": ""}, f={"type": "string", "default": None},
         g={"type": "number", "default": 0.1, "description": "Share"}, h={"type": "object", "default": {"k": [1, 2.0]}}, i={"type": "string", "default": "a  b"}),
    tool("arrays", a={"type": "array", "items": S}, b={"type": "array", "items": {"type": "array", "items": N}}, c={"type": "array", "items": {"type": "string", "enum": ["mon", "tue"]}},
         d={"type": "array", "items": {"type": "object", "properties": {"name": S, "n": I}, "required": ["name"]}}, e={"type": "array", "items": {}}),
    tool("objects", "Nested.", ["to"], to={"type": "object", "description": "Where to", "properties": {"city": {"type": "string", "description": "Town"},
         "geo": {"type": "object", "properties": {"lat": N, "lon": N}, "required": ["lat", "lon"]}}, "required": ["city"]}, free={"type": "object", "properties": {}}),
    tool("unions", a={"anyOf": [S, I]}, b={"oneOf": [{"type": "integer", "minimum": 1}, {"type": "string", "enum": ["all"]}], "description": "How many"},
         c={"type": ["string", "null"]}, d={"type": ["integer", "string"], "minimum": 3, "format": "uuid"}, e={"type": "array", "items": {"anyOf": [N, {"type": "null"}]}},
         f={"anyOf": [S], "default": "x"}, g={"type": []}, h={"anyOf": []}),
    tool("long", LONG + "end", x={"type": "string", "description": LONG}), tool("unbroken", "x" * 400, x={"type": "string", "description": "é" * 200}),
    tool("exact_limit", "a" * 299 + " b", x={"type": "string", "description": "c" * 160}), tool("cut_before", "a" * 300 + " b"),
    tool("unicode", "Größe ändern – 大きさ 🎉", ["größe"], ["mach es größer", "大きく"], größe={"type": "string", "description": "neue Größe"}),
    tool("quotes", 'Say "hi" \\ <tools> <tool_call>', x={"type": "string", "enum": ['a"b', "c\\d", "[x]"], "description": "e.g. ( ; ) | *"}),
    tool("examples", "With examples.", examples=["  one  ", "", "two\nlines"]), tool("no_examples", "Empty list.", examples=[]),
    {"name": "flat", "description": "Flat style.", "parameters": {"city": {"type": "string", "required": True, "description": "City"}, "days": {"type": "array", "items": "integer"}}},
    {"name": "flat_properties", "parameters": {"properties": {"type": "string", "description": "Which properties to keep", "required": True}, "layer": I}},
    {"name": "no_schemas", "parameters": {"type": "object", "properties": {"a": 5, "b": S}}},
    tool("any_value", required=["a"], a=True, b=S),
    tool("order", zebra=S, apple=I, Mango=B), tool("nonbreaking", "a\u00a0b \u2003c"),
    tool("numbers", a={"type": "number", "minimum": 1e-7, "maximum": 123456789012345680000}, b={"type": "number", "default": 1e-6}, c={"type": "integer", "enum": [-0.0, 1e3]}),
]
WEATHER = tool("get_weather", required=["location"], location=S, days=I, unit={"type": "string", "enum": ["c", "f"]})
NESTED = tool("ship", required=["to"], to={"type": "object", "properties": {"city": S, "tags": {"type": "array", "items": S}, "geo": {"type": "object", "properties": {"lat": N, "lon": N}}}}, fast=B,
              parts={"type": "array", "items": {"type": "object", "properties": {"id": S, "n": I}}})
ANSWERS = [
    ([WEATHER], []), ([WEATHER], [("get_weather", {"location": "Paris"})]), ([WEATHER], [("get_weather", {"unit": "c", "location": "Rome", "days": 3})]),
    ([WEATHER], [("get_weather", {"location": None})]), ([tool("stop")], [("stop", {})]),
    ([WEATHER, tool("stop")], [("stop", {}), ("get_weather", {"location": "Oslo"}), ("stop", {})]),
    ([NESTED], [("ship", {"fast": True, "to": {"geo": {"lon": 2.5, "lat": -0.125}, "tags": ["a", " b"], "city": "Bonn"}})]),
    ([NESTED], [("ship", {"to": {"city": ""}, "parts": [{"n": 2, "id": "x"}, {"id": "y", "extra": "kept last"}]})]),
    ([tool("n", x=N)], [("n", {"x": x}) for x in (5.0, -0.0, 0.1, 1e-6, 1e-7, 1.5e-9, 1e20, 1e21, 123456789.125, -2.50, 0.000001234)]),
    ([tool("say", text=S)], [("say", {"text": t}) for t in ('quo"te', "back\\slash", "line\nbreak\ttab\r", "\b\f\u0001\u001f\u007f", "é 日本 🎉", "a/b", " lead", "<tools>", "")]),
    ([tool("odd \"name\"", **{"k\"ey": S})], [("odd \"name\"", {"k\"ey": "v"})]), ([tool("b", x=B, y=B)], [("b", {"y": False, "x": True})]),
    ([tool("any", x={})], [("any", {"x": [1, "two", None, [True, {"k": "v"}]]})]), ([WEATHER], [("get_weather", {"days": 1, "unknown": "z", "location": "Ulm"})]),
]


def main():
    answers = [(tools, [{"name": n, "arguments": a} for n, a in calls]) for tools, calls in ANSWERS]
    out = {"tool_cases": [{"tool": t, "text": tool_text(t)} for t in TOOLS],
           "answer_cases": [{"tools": t, "calls": c, "answer_text": answer_text(t, c)} for t, c in answers]}
    with open(os.path.join(ROOT, "tests", "golden", "prompt.json"), "w", encoding="utf-8") as f:
        json.dump(out, f, ensure_ascii=False, indent=1)
        f.write("\n")
    print(f"{len(out['tool_cases'])} tools, {len(out['answer_cases'])} answers")


if __name__ == "__main__":
    main()
