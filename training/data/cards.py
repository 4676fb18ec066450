"""Tool cards and scenes: parsing, and expansion of a card's utterances into labelled queries."""
import re
from dataclasses import dataclass, field

from training.data.fillers import Filler

SLOT = re.compile(r"\{([^{}]+)\}")


@dataclass
class Utterance:
    text: str
    fixed: dict = field(default_factory=dict)
    missing: list = field(default_factory=list)
    lang: str = "en"
    fillers: dict = field(default_factory=dict)  # the card's, overridden by the utterance's own

    def slots(self):
        return SLOT.findall(self.text)


@dataclass
class Card:
    file: str
    domain: str
    tool: dict
    utterances: list
    misses: list


def parse_card(record, corpus, file=""):
    """A Card; KeyError, TypeError or SyntaxError when the record is malformed."""
    shared = {k: Filler(v, corpus) for k, v in record.get("s", {}).items()}
    utterances = []
    for u in record["u"]:
        u = {"t": u} if isinstance(u, str) else u
        own = {k: Filler(v, corpus) for k, v in u.get("s", {}).items()}
        utterances.append(Utterance(u["t"], u.get("a", {}), u.get("n", []), u.get("lang", "en"), {**shared, **own}))
    return Card(file, record["domain"], record["tool"], utterances, record.get("x", []))


def numbers_may_be_words(text, start, end):
    """Number words read well only between spaces or ordinary punctuation: no 'twenty%' and no '#five'."""
    before, after = text[start - 1:start], text[end:end + 1]
    return before in ("", " ") and after in ("", " ", ",", ".", "?", "!", ":", ";")


def fill(utterance, schema, rng, draw=None):
    """(query, arguments) of one utterance. `draw(slot, filler, schema, words)` may replace the fillers' draw."""
    properties = schema.get("properties", {})
    arguments, parts, end = {}, [], 0
    for match in SLOT.finditer(utterance.text):
        slot = match[1]
        words = numbers_may_be_words(utterance.text, match.start(), match.end())
        if draw is None:
            said, value = utterance.fillers[slot].draw(rng, properties[slot], words, utterance.lang)
        else:
            said, value = draw(slot, utterance.fillers[slot], properties[slot], words)
        quoted = utterance.text[max(0, match.start() - 1):match.start()] in ('"', "'", "“", "«", "「", "`")
        quoted = quoted or said[:1] in "\"'`"
        if utterance.fillers[slot].kind == "text" and not quoted and rng.random() < 0.2:
            quote = '"' if '"' not in said else "'"
            if quote not in said:
                said = quote + said + quote
        parts += [utterance.text[end:match.start()], said]
        end = match.end()
        if slot not in arguments:
            arguments[slot] = value
    arguments.update(utterance.fixed)
    arguments.update((k, None) for k in utterance.missing)
    return "".join(parts) + utterance.text[end:], {k: arguments[k] for k in properties if k in arguments}
