"""Text of tools and answers, exactly as src/prompt/FORMAT.md (format `thimble`) defines it.

The C++ in src/prompt implements the same page; tests/golden/prompt.json pins the two to each other.
"""
import json
import re

TOOL_DESCRIPTION_LIMIT = 300  # code points
PARAM_DESCRIPTION_LIMIT = 160
_WORDS = ("string", "integer", "number", "boolean", "null", "array", "object")
_SPACE = re.compile(r"[ \t\n\r\f\v]+")
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f"}


def squeeze(text):
    """Runs of ASCII white space become one space; both ends are trimmed."""
    return _SPACE.sub(" ", text).strip(" ")


def cut(text, limit):
    """At most `limit` code points, ending before the last space before that point."""
    text = squeeze(text)
    if len(text) <= limit:
        return text
    space = text.rfind(" ", 0, limit)
    return text[:space] if space > 0 else text[:limit]


def number_text(x):
    """JavaScript's String(x) for a finite number; integral values without fraction."""
    if isinstance(x, int) and abs(x) <= 2**53:
        return str(x)
    x = float(x)
    if x == 0:
        return "0"
    digits, exponent = repr(abs(x)), 0
    if "e" in digits:
        digits, power = digits.split("e")
        exponent = int(power)
    whole, _, fraction = digits.partition(".")
    if fraction == "0":
        fraction = ""
    point = len(whole) + exponent
    figures = (whole + fraction).lstrip("0")
    point -= len(whole + fraction) - len((whole + fraction).lstrip("0"))
    figures = figures.rstrip("0")
    n = len(figures)
    sign = "-" if x < 0 else ""
    if n <= point <= 21:
        return sign + figures + "0" * (point - n)
    if 0 < point <= 21:
        return sign + figures[:point] + "." + figures[point:]
    if -6 < point <= 0:
        return sign + "0." + "0" * -point + figures
    power = point - 1
    mantissa = figures[0] + ("." + figures[1:] if n > 1 else "")
    return f"{sign}{mantissa}e{'+' if power >= 0 else '-'}{abs(power)}"


def string_text(text, prefix=""):
    """A JSON string, raw UTF-8, with only quotes, backslashes and control characters escaped."""
    out = []
    for c in text:
        if c in _ESCAPES:
            out.append(_ESCAPES[c])
        elif c < " ":
            out.append(f"\\u{ord(c):04x}")
        else:
            out.append(c)
    return '"' + prefix + "".join(out) + '"'


def json_text(value, prefix="", schema=None):
    """Compact JSON. `prefix` goes before every string value; `schema` orders the keys."""
    if isinstance(value, str):
        return string_text(value, prefix)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return number_text(value)
    if isinstance(value, list):
        items = schema.get("items") if isinstance(schema, dict) else None
        return "[" + ",".join(json_text(v, prefix, items) for v in value) + "]"
    properties = schema.get("properties") if isinstance(schema, dict) else None
    properties = properties if isinstance(properties, dict) else {}
    keys = [k for k in properties if k in value] + [k for k in value if k not in properties]
    return "{" + ",".join(string_text(k) + ":" + json_text(value[k], prefix, properties.get(k)) for k in keys) + "}"


def as_schema(parameters):
    """The parameters as a JSON Schema object; the flat style {"city": {"type": ..., "required": true}} too."""
    parameters = parameters or {}
    properties = parameters.get("properties")
    if isinstance(properties, dict) and all(isinstance(v, (dict, bool)) for v in properties.values()):
        return parameters
    if parameters.get("type") == "object" and not any(isinstance(v, dict) for v in parameters.values()):
        return {"type": "object", "properties": {}, "required": []}
    properties, required = {}, []
    for key, value in parameters.items():
        if not isinstance(value, dict):
            continue
        schema = {k: v for k, v in value.items() if k != "required"}
        if isinstance(schema.get("items"), str):
            schema["items"] = {"type": schema["items"]}
        properties[key] = schema
        if value.get("required") is True:
            required.append(key)
    return {"type": "object", "properties": properties, "required": required}


def _plain(value):
    return squeeze(value) if isinstance(value, str) else json_text(value)


def _is_number(x):
    return isinstance(x, (int, float)) and not isinstance(x, bool)


def _range_text(schema):
    low = next((schema[k] for k in ("minimum", "exclusiveMinimum") if _is_number(schema.get(k))), None)
    high = next((schema[k] for k in ("maximum", "exclusiveMaximum") if _is_number(schema.get(k))), None)
    if low is None and high is None:
        return ""
    return " " + ("" if low is None else number_text(low)) + ".." + ("" if high is None else number_text(high))


def type_text(schema):
    """The `type` production."""
    if not isinstance(schema, dict):
        return "any"
    kind = schema.get("type")
    values = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(values, list) and values:
        choices = "[ " + " | ".join(_plain(v) for v in values) + " ]"
        if all(isinstance(v, str) for v in values):
            return choices
        return (kind if isinstance(kind, str) and kind in _WORDS else "any") + " " + choices
    for key in ("anyOf", "oneOf"):
        if isinstance(schema.get(key), list) and schema[key]:
            return " or ".join(type_text(s) for s in schema[key])
    if isinstance(kind, list) and kind:
        return " or ".join(type_text({**schema, "type": k}) for k in kind)
    if kind == "string":
        form = schema.get("format")
        return "string " + squeeze(form) if isinstance(form, str) and squeeze(form) else "string"
    if kind in ("integer", "number"):
        return kind + _range_text(schema)
    if kind == "array":
        return "array of " + type_text(schema["items"]) if isinstance(schema.get("items"), dict) else "array"
    if kind == "object":
        return "object (" + _params_text(schema) + " )" if schema.get("properties") else "object"
    return kind if kind in _WORDS else "any"


def _param_text(key, schema, required):
    text = f' "{key}"' + ("*" if required else "") + " " + type_text(schema)
    if not isinstance(schema, dict):
        return text
    if "default" in schema and _plain(schema["default"]) != "":
        text += " = " + _plain(schema["default"])
    description = schema.get("description")
    if isinstance(description, str) and squeeze(description):
        text += ": " + cut(description, PARAM_DESCRIPTION_LIMIT)
    return text


def _params_text(schema):
    required = schema.get("required")
    required = required if isinstance(required, list) else []
    return " ;".join(_param_text(k, s, k in required) for k, s in schema["properties"].items())


def tool_text(tool):
    """The encoder text of one tool: {"name", "description"?, "parameters"?, "examples"?}."""
    text = f'"{tool["name"]}"'
    description = tool.get("description")
    if isinstance(description, str) and squeeze(description):
        text += " " + cut(description, TOOL_DESCRIPTION_LIMIT)
    text += " (" + _params_text(as_schema(tool.get("parameters"))) + " )"
    examples = [squeeze(e) for e in tool.get("examples") or [] if squeeze(e)]
    return text + (" e.g. " + " | ".join(examples) if examples else "")


def answer_text(tools, calls):
    """The decoder text of `calls` ([{"name", "arguments"}]); keys in the order of the tools' properties."""
    schemas = {t["name"]: as_schema(t.get("parameters")) for t in tools}
    return "[" + ",".join(
        '{"name":' + string_text(c["name"]) + ',"arguments":'
        + json_text(c.get("arguments") or {}, " ", schemas.get(c["name"])) + "}" for c in calls) + "]"


def _strip(value):
    if isinstance(value, str):
        return value[1:] if value.startswith(" ") else value
    if isinstance(value, list):
        return [_strip(v) for v in value]
    if isinstance(value, dict):
        return {k: _strip(v) for k, v in value.items()}
    return value


def parse_answer(text):
    """The calls that an answer text says, without the extra spaces. ValueError when it is no answer."""
    calls = json.loads(text)
    if not isinstance(calls, list):
        raise ValueError("an answer is a JSON array of calls")
    for c in calls:
        if not (isinstance(c, dict) and isinstance(c.get("name"), str) and isinstance(c.get("arguments"), dict)):
            raise ValueError('a call is {"name": string, "arguments": object}')
    return [{"name": c["name"], "arguments": _strip(c["arguments"])} for c in calls]
