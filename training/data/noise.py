"""Noise on queries that keeps the labels right: free-string arguments are copied as they stand afterwards."""
import re

from training.data import lexicon
from training.data.numbers import number_words

_WORD = re.compile(r"[A-Za-z]{4,}")
_NUMBER = re.compile(r"(?<![\w.,:/$€£#+-])\d{1,3}(?![\w.,:/%°'\"-])")
_KEYS = {"a": "sq", "b": "vn", "c": "xv", "d": "sf", "e": "wr", "f": "dg", "g": "fh", "h": "gj", "i": "uo", "j": "hk", "k": "jl",
         "l": "k", "m": "n", "n": "bm", "o": "ip", "p": "o", "q": "w", "r": "et", "s": "ad", "t": "ry", "u": "yi", "v": "cb",
         "w": "qe", "x": "zc", "y": "tu", "z": "x"}


def leaves(value):
    """Every string inside a value."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, (list, tuple)):
        for v in value:
            yield from leaves(v)
    elif isinstance(value, dict):
        for v in value.values():
            yield from leaves(v)


def enum_values(schema):
    """Every string that an enum or const somewhere in the schema names."""
    if not isinstance(schema, dict):
        return set()
    out = {v for v in schema.get("enum", ()) if isinstance(v, str)}
    for value in schema.values():
        for s in value if isinstance(value, list) else (value,):
            if isinstance(s, dict):
                out |= enum_values(s)
    return out


def map_strings(value, f):
    if isinstance(value, str):
        return f(value)
    if isinstance(value, list):
        return [map_strings(v, f) for v in value]
    if isinstance(value, dict):
        return {k: map_strings(v, f) for k, v in value.items()}
    return value


def copied_strings(query, calls, schemas):
    """The string arguments that stand in the query word for word and are no enum members."""
    out = set()
    for call in calls:
        enums = enum_values(schemas[call["name"]])
        out |= {s for s in leaves(call["arguments"]) if s and s in query and s not in enums}
    return out


def protected_spans(query, strings):
    spans = []
    for s in strings:
        start = query.find(s)
        while start >= 0:
            spans.append((start, start + len(s)))
            start = query.find(s, start + 1)
    return spans


def _free(spans, start, end):
    return all(end <= a or start >= b for a, b in spans)


def _typo(rng, word):
    i = rng.randrange(1, len(word) - 1)
    form = rng.randrange(4)
    if form == 0:
        return word[:i] + word[i + 1] + word[i] + word[i + 2:]
    if form == 1:
        return word[:i] + word[i + 1:]
    if form == 2:
        return word[:i] + word[i] + word[i:]
    return word[:i] + rng.choice(_KEYS.get(word[i].lower(), "e")) + word[i + 1:]


def add_typos(rng, query, spans, count):
    words = [m for m in _WORD.finditer(query) if _free(spans, m.start(), m.end())]
    for m in sorted(rng.sample(words, min(count, len(words))), key=lambda m: -m.start()):
        query = query[:m.start()] + _typo(rng, m[0]) + query[m.end():]
    return query


def speak_numbers(rng, query, spans):
    """Some whole numbers outside copied strings in words; the arguments stay numbers."""
    for m in reversed(list(_NUMBER.finditer(query))):
        if _free(spans, m.start(), m.end()) and int(m[0]) <= 100 and not m[0].startswith("0") and rng.random() < 0.6:
            query = query[:m.start()] + number_words(int(m[0])) + query[m.end():]
    return query


def strip_punctuation(query, spans):
    """Dictated text: no commas, full stops, question marks outside copied strings."""
    return "".join(c for i, c in enumerate(query)
                   if not (c in ",?!;" or (c == "." and not query[i + 1:i + 2].isalnum())) or not _free(spans, i, i + 1))


def be_polite(rng, query):
    first = query.split(" ", 1)[0].lower()
    lowered = query[:1].lower() + query[1:] if not re.match(r"I\b|[A-Z]{2}", query) and first in lexicon.IMPERATIVES else query
    form = rng.random()
    if form < 0.4 and first in lexicon.IMPERATIVES:
        query = rng.choice(lexicon.POLITE_BEFORE_IMPERATIVE) + lowered
    elif form < 0.65:
        query = rng.choice(lexicon.BEFORE_ANYTHING) + lowered
    elif form < 0.72:
        query = rng.choice(lexicon.CONTEXT_BEFORE) + lowered
    else:
        # No tail after text that runs to the end: the tail would look like a part of it.
        return query
    return query


def add_tail(rng, query, spans):
    if spans and max(b for _, b in spans) >= len(query.rstrip(" .?!")):
        return query
    return query.rstrip(" .?!") + rng.choice(lexicon.AFTER_ANYTHING)


def add_noise(rng, query, calls, schemas, lang="en", careful=False):
    """(query, calls) after some noise. `schemas`: parameters by tool name. `careful`: nothing but case."""
    strings = copied_strings(query, calls, schemas)
    english = lang == "en"
    if english and not careful:
        if rng.random() < 0.10:
            query = be_polite(rng, query)
        if rng.random() < 0.05:
            query = add_tail(rng, query, protected_spans(query, strings))
        if rng.random() < 0.08:
            query = speak_numbers(rng, query, protected_spans(query, strings))
    if lang not in ("zh", "ja", "th", "ko") and not careful:
        form = rng.random()
        if form < 0.09:
            query = add_typos(rng, query, protected_spans(query, strings), rng.choice((1, 1, 2)))
        elif form < 0.15:
            query = strip_punctuation(query, protected_spans(query, strings)).strip() or query
    form = rng.random()
    if form < 0.10:
        return _recase(query, calls, strings, str.lower)
    if form < 0.115 and english and not any(re.search(r"[A-Z]", s) and not s.istitle() for s in strings):
        return _recase(query, calls, strings, str.upper)
    if form < 0.22 and query[:1].islower() and not any(query.startswith(s) for s in strings):
        query = query[0].upper() + query[1:]
        if query[-1].isalnum() and not any(query.endswith(s) for s in strings):
            query += "."
    return query, calls


def _recase(query, calls, strings, case):
    changed = case(query)
    f = lambda s: case(s) if s in strings and case(s) in changed else s
    return changed, [{"name": c["name"], "arguments": map_strings(c["arguments"], f)} for c in calls]
