"""Slot fillers of the card format (cards/README.md): how a parameter's value is drawn and said."""
import re

from training.data import numbers
from training.schema import coerce, types_of

_AND = {"es": "y", "fr": "et", "de": "und", "pt": "e", "it": "e", "nl": "en", "pl": "i", "tr": "ve", "ru": "и", "sv": "och",
        "id": "dan", "vi": "và", "uk": "і", "cs": "a", "ro": "și", "el": "και", "he": "ו", "ar": "و", "hi": "और",
        "hi-Latn": "aur", "sw": "na", "ko": "하고", "hr": "i", "fi": "ja"}
_COMMA = {"zh": "、", "ja": "、"}
_KINDS = {"time": numbers.clock, "date": numbers.day, "datetime": numbers.day_time, "duration": numbers.duration}
_ENTITIES = {"email": "emails", "phone": "phone_numbers", "url": "urls", "city": "cities", "country": "countries",
             "address": "street_addresses", "company": "companies", "person": "person_names", "first_name": "first_names"}


def _money(rng):
    amount = rng.choice((rng.randint(1, 20) * 5, rng.randint(1, 500), rng.randint(1, 90) * 100))
    cents = f".{rng.randint(1, 99):02d}" if rng.random() < 0.25 else ""
    return rng.choice((f"${amount}{cents}", f"{amount}{cents} dollars", f"£{amount}{cents}", f"€{amount}{cents}",
                       f"{amount} euros", f"{amount} bucks", f"{amount}{cents} USD", f"{amount} pounds"))


def join(rng, said, lang="en"):
    """Joins several said items as a speaker of `lang` would."""
    if len(said) == 1:
        return said[0]
    if lang in _COMMA:
        return _COMMA[lang].join(said)
    if lang != "en" and lang not in _AND:
        return ", ".join(said)
    word = _AND.get(lang, "and")
    glue = f" {word} " if lang != "he" else f" {word}"
    if lang == "en" and rng.random() < 0.15:
        return rng.choice((", ", " and ", " & ")).join(said)
    return ", ".join(said[:-1]) + glue + said[-1]


class Filler:
    """One parsed filler. `draw` gives (said, value); SyntaxError when the text is no filler."""

    def __init__(self, text, corpus):
        self.text = text
        self.kind, _, rest = text.partition(":")
        self.items, self.inner = (), None
        if self.kind == "many":
            self.inner = Filler(rest, corpus)
            if self.inner.kind == "many":
                raise SyntaxError(f"many: inside many: in {text!r}")
        elif self.kind in ("list", "text"):
            self.items = [(s, s) for s in rest.split("|")]
        elif self.kind == "map":
            self.items = [tuple(s.rsplit("=", 1)) for s in rest.split("|")]
            if any(len(i) != 2 for i in self.items):
                raise SyntaxError(f"map: needs said=value in every item: {text!r}")
        elif self.kind in ("int", "num"):
            match = re.fullmatch(r"(-?\d+(?:\.\d+)?)-(-?\d+(?:\.\d+)?)", rest)
            if not match or (self.kind == "int" and "." in rest):
                raise SyntaxError(f"{self.kind}: needs lo-hi: {text!r}")
            self.low, self.high = (int if self.kind == "int" else float)(match[1]), (int if self.kind == "int" else float)(match[2])
            if self.low > self.high:
                raise SyntaxError(f"lo is above hi: {text!r}")
        elif self.kind == "ent" or self.kind in _ENTITIES:
            name = rest if self.kind == "ent" else _ENTITIES[self.kind]
            try:
                self.items = corpus.entity_pairs(name)
            except KeyError:
                raise SyntaxError(f"no entity list {name!r}") from None
        elif self.kind not in _KINDS and self.kind != "money":
            raise SyntaxError(f"unknown filler {text!r}")
        if self.kind in ("list", "text", "map") and any(not s.strip() for s, _ in self.items):
            raise SyntaxError(f"empty item in {text!r}")

    def draw(self, rng, schema, words=True, lang="en"):
        """One (said, value); the value has the type that the schema asks for. `words`: number words are fine."""
        if self.kind == "many":
            return self._draw_many(rng, schema, words, lang)
        if self.kind in ("int", "num"):
            value = self._number(rng, schema)
            said = numbers.say_number(rng, value, words and lang == "en")
            return (str(value), str(value)) if "string" in types_of(schema) else (said, value)
        if self.items:
            said, value = rng.choice(self.items)
            return said, coerce(value, schema)
        said = _money(rng) if self.kind == "money" else _KINDS[self.kind](rng)
        return said, said

    def everything(self, schema):
        """The first 200 (said, value) of a filler with a list; none of the others."""
        if self.kind == "many":
            return [(s, [v]) for s, v in self.inner.everything(schema.get("items", {}))]
        return [(s, coerce(v, schema)) for s, v in self.items[:200]]

    def _number(self, rng, schema):
        if self.kind == "int":
            if self.high - self.low > 200 and rng.random() < 0.5:
                step = 10 ** (len(str(self.high)) - 2)
                value = rng.randint(self.low, self.high) // step * step
                return max(value, self.low)
            return rng.randint(self.low, self.high)
        digits = rng.choice((0, 0, 1, 1, 2))
        value = round(rng.uniform(self.low, self.high), digits)
        value = min(max(value, self.low), self.high)
        return int(value) if value.is_integer() else value

    def _draw_many(self, rng, schema, words, lang):
        count = rng.choice((1, 2, 2, 3))
        count = min(max(count, schema.get("minItems", 1)), schema.get("maxItems", 3))
        said, values = [], []
        for _ in range(4 * count):
            s, v = self.inner.draw(rng, schema.get("items", {}), words, lang)
            if v not in values and s not in said:
                said.append(s)
                values.append(v)
            if len(values) == count:
                break
        return join(rng, said, lang), values
