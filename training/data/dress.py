"""Other clothes for a pool of tools: names, descriptions, order, `required`; answers follow.

One style is drawn for a whole pool, as one author writes one app, with some tools that differ.
"""
from dataclasses import dataclass, field
import re

from training.data import lexicon
from training.data.names import STYLES, opaque_name, opaque_params, styled, with_synonyms, words_of

_MEMBER = re.compile(r"[A-Za-z][a-z]+([ _-][a-z]+)*")  # an enum member that is words, no code or unit


@dataclass
class Style:
    convention: str = ""        # of tool names; "" keeps the author's
    param_convention: str = ""
    synonyms: float = 0.0       # share of the words of names that change
    opaque: bool = False        # names that say nothing
    opaque_params: bool = False
    drop_descriptions: bool = False
    drop_param_descriptions: bool = False
    person: str = ""            # "third": Sets ...; "base": Set ...
    first_sentence: bool = False
    shuffle: bool = False
    examples: bool = False
    members: str = ""           # how enum members are written
    paraphrase: float = 0.0     # share of the words of descriptions that change


def draw_style(rng, terse=False):
    chance = lambda p: rng.random() < p
    style = Style(
        convention=rng.choice(STYLES) if chance(0.5) else "",
        param_convention=rng.choice(("snake", "camel", "camel", "snake", "pascal", "kebab", "flat")) if chance(0.35) else "",
        synonyms=rng.choice((0.0, 0.0, 0.3, 0.6)), opaque=chance(0.06), drop_descriptions=chance(0.06),
        drop_param_descriptions=chance(0.4) or terse, person=rng.choice(("", "", "third", "third", "base")),
        first_sentence=chance(0.3) or terse, shuffle=chance(0.35), examples=chance(0.5) and not terse)
    style.members = rng.choice(("upper", "kebab", "snake", "spaces", "title", "camel")) if chance(0.2) else ""
    style.paraphrase = rng.choice((0.3, 0.6)) if chance(0.35) else 0.0
    style.opaque_params = (style.opaque and chance(0.5)) or chance(0.02)
    if style.opaque:
        style.drop_descriptions = False
    if style.opaque_params:
        style.drop_param_descriptions = False
    return style


def third_person(verb):
    if verb.endswith(("s", "sh", "ch", "x", "z", "o")):
        return verb + "es"
    if verb.endswith("y") and verb[-2:-1] not in "aeiou":
        return verb[:-1] + "ies"
    return verb + "s"


_BASE = {third_person(v): v for v in lexicon.IMPERATIVES | set(lexicon.VERBS) if " " not in v}


def reword(rng, text, style):
    """The description in another person, shorter, or with an opening."""
    if style.first_sentence:
        text = text.split(". ")[0]
    first, _, rest = text.partition(" ")
    low = first.lower()
    base = _BASE.get(low) or (low if low in _BASE.values() else None)
    if base and rest:
        if style.person == "third":
            words = rest.split(" ")
            if words[0] in ("or", "and") and words[1:2] and words[1] in _BASE.values():
                words[1] = third_person(words[1])
            text = third_person(base).capitalize() + " " + " ".join(words)
        elif style.person == "base":
            text = base.capitalize() + " " + rest
        elif rng.random() < 0.06:
            text = rng.choice(("Use this to {}", "Lets the user {}", "Tool to {}", "Can {}", "Call this to {}", "Function to {}",
                               "This tool will {}", "Helps you {}")).format(base + " " + rest)
    if rng.random() < 0.15:
        text = text.rstrip(".") if text.endswith(".") else text + "."
    return text[:1].lower() + text[1:] if rng.random() < 0.05 else text


def paraphrase(rng, text, rate):
    """Some words replaced by others that mean the same in a description."""
    def other(m):
        choices = lexicon.PLAIN_WORDS.get(m[0].lower())
        if not choices or rng.random() >= rate:
            return m[0]
        word = rng.choice(choices)
        return word.capitalize() if m[0][0].isupper() else word
    return re.sub(r"[A-Za-z]+", other, text) if rate else text


def written(member, form):
    """An enum member in another convention."""
    words = re.split(r"[ _-]", member.lower())
    if form == "camel":
        return words[0] + "".join(w.capitalize() for w in words[1:])
    if form == "title":
        return " ".join(words).capitalize()
    return {"upper": "_".join(words).upper(), "kebab": "-".join(words), "snake": "_".join(words), "spaces": " ".join(words)}[form]


def _rename_members(rng, schema, style):
    """The schema of one parameter with its enum in the style's convention, and {old: new member} ({} for no change)."""
    enum = schema.get("enum")
    if enum is None and isinstance(schema.get("items"), dict):
        items, renamed = _rename_members(rng, schema["items"], style)
        return {**schema, "items": items}, renamed
    if not isinstance(enum, list) or not all(isinstance(m, str) and len(m) > 3 and _MEMBER.fullmatch(m) for m in enum):
        return schema, {}
    renamed = {m: written(m, style.members) for m in enum} if style.members else {m: m for m in enum}
    if len(set(renamed.values())) < len(enum):
        return schema, {}
    out = {**schema, "enum": list(renamed.values())}
    if style.shuffle:
        rng.shuffle(out["enum"])
    if isinstance(schema.get("default"), str):
        out["default"] = renamed.get(schema["default"], schema["default"])
    return out, renamed


def _names_for(rng, keys, style, can_be_opaque):
    """New names of the parameters, distinct."""
    if style.opaque_params and can_be_opaque:
        return dict(zip(keys, opaque_params(rng, len(keys))))
    out = {}
    for key in keys:
        name = key
        if style.param_convention or (style.synonyms and rng.random() < style.synonyms / 2):
            words = with_synonyms(rng, words_of(key), style.synonyms / 2, verbs=False) or [key]
            convention = style.param_convention or ("camel" if key != key.lower() else "snake")
            name = styled(words, convention)
        out[key] = name if name not in out.values() else key
    return out if len(set(out.values())) == len(out) else {k: k for k in keys}


@dataclass
class Dressed:
    tool: dict      # what the model sees
    keys: dict      # the author's parameter name -> the one of `tool`
    members: dict = field(default_factory=dict)  # parameter of `tool` -> {the author's enum member: the one of `tool`}

    def arguments(self, arguments):
        """The author's arguments under the new names: null exactly for unsaid required parameters."""
        schema = self.tool["parameters"]
        required = schema.get("required", [])
        said = {self.keys[k]: self._member(self.keys[k], v) for k, v in arguments.items()}
        return {k: said.get(k) for k in schema["properties"] if said.get(k) is not None or k in required}


    def _member(self, key, value):
        renamed = self.members.get(key)
        if not renamed:
            return value
        if isinstance(value, list):
            return [renamed.get(v, v) if isinstance(v, str) else v for v in value]
        return renamed.get(value, value) if isinstance(value, str) else value


def dress_tool(rng, tool, style, taken):
    """One tool in the pool's style. `taken`: names in use; the new name is added."""
    schema = tool["parameters"]
    properties = schema.get("properties", {})
    description = tool.get("description") or ""
    if rng.random() < 0.1:
        style = draw_style(rng)
    name = tool["name"]
    if style.opaque and description:
        name = opaque_name(rng)
    elif style.convention or style.synonyms:
        words = with_synonyms(rng, words_of(name), style.synonyms)
        name = styled(words, style.convention or ("snake" if "_" in name else "camel")) if words else name
    if name in taken:
        name = tool["name"]
    while name in taken:
        name += "_2"
    taken.add(name)
    explained = all(s.get("description") or s.get("enum") for s in properties.values())
    keys = _names_for(rng, list(properties), style, explained and description)
    order = list(properties)
    if style.shuffle:
        rng.shuffle(order)
    out, members = {}, {}
    for key in order:
        s, renamed = _rename_members(rng, dict(properties[key]), style)
        if renamed:
            members[keys[key]] = renamed
        if style.drop_param_descriptions or rng.random() < 0.1:
            opaque = keys[key] != key and style.opaque_params
            if not opaque and "description" in s and not _tells_form(s["description"]):
                del s["description"]
        elif "description" in s and rng.random() < 0.1:
            s["description"] = s["description"].split(". ")[0].split(", ")[0]
        if "description" in s:
            s["description"] = paraphrase(rng, s["description"], style.paraphrase / 2)
        out[keys[key]] = s
    required = [keys[k] for k in schema.get("required", [])]
    if rng.random() < 0.06:
        required = []
    elif len(out) > len(required) and rng.random() < 0.05:
        required = required + [rng.choice([k for k in out if k not in required])]
    dressed = {"name": name, "parameters": {"type": "object", "properties": out, "required": required}}
    opaque = name != tool["name"] and style.opaque
    if description and (opaque or not (style.drop_descriptions or rng.random() < 0.03)):
        dressed["description"] = paraphrase(rng, reword(rng, description, style), style.paraphrase)
    return Dressed(dressed, keys, members)


def _tells_form(description):
    """True for descriptions that fix the unit or the form of the value: these are never dropped."""
    low = f" {description.lower()} "
    return any(w in low for w in (" in ", "format", "e.g", "per ", "iso", "code", "percent", "negative", " as ", "unit", "decimal",
                                  "fraction", "0 ", "number of", "minutes", "seconds", "rate", "yyyy", "true", "false"))


def make_pushy(rng, dressed):
    """An order in a tool's description, which must not change any answer."""
    victim = rng.choice(dressed).tool
    pushy = rng.choice(lexicon.PUSHY)
    text = victim.get("description", "")
    victim["description"] = rng.choice((f"{pushy} {text}", f"{text} {pushy}")).strip()
