"""Other values for finished cases: what an answer copies from its query becomes another number or name in both.

A finished case is else seen hundreds of times as it stands, and learned by heart.
"""
import re

from training.data.noise import enum_values, leaves

_NAME = re.compile(r"[^\W\d_]{2}")


def _numbers(value):
    if isinstance(value, bool):
        return
    if isinstance(value, int):
        yield value
    elif isinstance(value, (list, dict)):
        for v in value.values() if isinstance(value, dict) else value:
            yield from _numbers(v)


def _replaced(value, old, new):
    """The value with every leaf equal to `old` (same type) as `new`."""
    if isinstance(value, list):
        return [_replaced(v, old, new) for v in value]
    if isinstance(value, dict):
        return {k: _replaced(v, old, new) for k, v in value.items()}
    return new if type(value) is type(old) and value == old else value


def _places(text, query):
    """Where the text stands in the query by itself: no part of a longer word or number."""
    return [m.start() for m in re.finditer(rf"(?<![\w.,:/-]){re.escape(text)}(?![\w:/-]|[.,]\d)", query)]


def _other_number(rng, old, schema):
    """Another whole number of as many digits, inside the bounds of the schema; None when there is none."""
    low, high = (0, 9) if old < 10 else (10 ** (len(str(old)) - 1), 10 ** len(str(old)) - 1)
    low, high = max(low, schema.get("minimum", low), 2), min(high, schema.get("maximum", high))
    return rng.randint(int(low), int(high)) if int(low) < int(high) else None


def vary(rng, query, calls, schemas, values, rate=0.5):
    """(query, calls) with some copied values changed. calls: (tool, arguments); schemas: parameters by tool;
    values(rng, parameter, old): another text for a parameter, or None."""
    for tool, arguments in calls:
        properties = schemas[tool].get("properties", {})
        for key, value in arguments.items():
            schema = properties.get(key, {})
            if "enum" in schema or rng.random() > rate:
                continue
            if isinstance(value, int) and not isinstance(value, bool) and value > 1:
                new = _other_number(rng, value, schema)
            elif isinstance(value, str) and _NAME.search(value):
                new = values(rng, key, value)
            else:
                continue
            query, calls = _swap(query, calls, schemas, value, new) if new is not None else (query, calls)
    return query, calls


def _swap(query, calls, schemas, old, new):
    """The case with `old` as `new`; unchanged unless that is plainly what the query and one argument say."""
    places = _places(str(old), query)
    kind = _numbers if isinstance(old, int) else leaves
    said = [v for _, arguments in calls for v in kind(arguments)]
    members = {m for tool, _ in calls for m in enum_values(schemas[tool])}
    if len(places) != 1 or said.count(old) != 1 or new in said or old in members or str(new) in query:
        return query, calls
    if isinstance(old, str) and any(v != old and (v in old or old in v) for v in said):
        return query, calls
    at = places[0]
    query = query[:at] + str(new) + query[at + len(str(old)):]
    return query, [(tool, _replaced(arguments, old, new)) for tool, arguments in calls]
