"""The JSON Schema subset of tools: coercion of said values and validation of arguments."""
import re

_TYPES = {
    "string": lambda v: isinstance(v, str),
    "integer": lambda v: isinstance(v, int) and not isinstance(v, bool),
    "number": lambda v: isinstance(v, (int, float)) and not isinstance(v, bool),
    "boolean": lambda v: isinstance(v, bool),
    "null": lambda v: v is None,
    "array": lambda v: isinstance(v, list),
    "object": lambda v: isinstance(v, dict),
}


def types_of(schema):
    """The set of JSON types that the schema names; empty when it names none."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return {kind}
    if isinstance(kind, list):
        return set(kind)
    return {t for key in ("anyOf", "oneOf") for s in schema.get(key, ()) for t in types_of(s)}


def coerce(text, schema):
    """The text as the number or boolean that the schema asks for; the text itself where it allows strings."""
    types = types_of(schema)
    if "string" in types or not types:
        return text
    if "boolean" in types and text in ("true", "false"):
        return text == "true"
    if types & {"integer", "number"}:
        plain = text.replace(",", "") if re.fullmatch(r"\d{1,3}(,\d{3})+(\.\d+)?", text) else text
        try:
            return int(plain)
        except ValueError:
            value = float(plain)  # ValueError when it is no number
            return int(value) if value.is_integer() and "integer" in types else value
    raise ValueError(f"{text!r} is no {' or '.join(sorted(types))}")


def errors(value, schema, where=""):
    """What is wrong with `value`, as a list of sentences; empty when it fits."""
    if not isinstance(schema, dict):
        return []
    for key in ("anyOf", "oneOf"):
        if key in schema and all(errors(value, s, where) for s in schema[key]):
            return [f"{where}: {value!r} fits no branch of {key}"]
    kinds = schema.get("type")
    kinds = [kinds] if isinstance(kinds, str) else kinds or []
    if kinds and not any(k in _TYPES and _TYPES[k](value) for k in kinds):
        return [f"{where}: {value!r} is not {' or '.join(kinds)}"]
    if "enum" in schema and value not in schema["enum"]:
        return [f"{where}: {value!r} is not one of {schema['enum']}"]
    out = []
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value < schema.get("minimum", value) or value > schema.get("maximum", value):
            out.append(f"{where}: {value} is out of {schema.get('minimum')}..{schema.get('maximum')}")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            out.append(f"{where}: {len(value)} items")
        for i, item in enumerate(value):
            out += errors(item, schema.get("items"), f"{where}[{i}]")
    if isinstance(value, dict):
        properties = schema.get("properties", {})
        for key, item in value.items():
            if key in properties:
                out += errors(item, properties[key], f"{where}.{key}" if where else key)
            elif properties and not schema.get("additionalProperties"):
                out.append(f"{where}: no parameter {key!r}")
        out += [f"{where}: {key!r} is required" for key in schema.get("required", ()) if key not in value]
    return out


def call_errors(call, parameters):
    """Like errors, for the arguments of a call; a top-level required parameter may be null (not said)."""
    required = parameters.get("required", [])
    said = {k: v for k, v in call["arguments"].items() if not (v is None and k in required)}
    missing = [k for k in required if k not in call["arguments"]]
    relaxed = {**parameters, "required": []}
    return errors(said, relaxed, call["name"]) + [f"{call['name']}: {k!r} is required: say it or list it in n" for k in missing]
