"""Other words for the things of a pool: 'alarm' becomes 'walnut' in tools and wordings alike.

So that a model finds a tool by reading it, and not because it remembers that tool.
"""
import dataclasses
import re

from training.data.cards import SLOT, Card, Utterance
from training.data.lexicon import IMPERATIVES, VERBS
from training.data.names import NAME_WORDS, words_of
from training.data.noise import leaves

LEAST_SHARE = 0.25  # of a card's wordings that must say the word
_ONSETS = "b c d f g h j k l m n p r s t v w z br cl dr fl gr kr pl sk sn st tr".split()
_NUCLEI = "a e i o u ai ee oo ou".split()
_CODAS = "b d g k l m n p r t ck nd rt x".split()


def invented_word(rng):
    """A word of two syllables that means nothing."""
    syllable = lambda: rng.choice(_ONSETS) + rng.choice(_NUCLEI)
    return syllable() + syllable() + rng.choice(_CODAS)


def _stem(word):
    return word[:-1] if word.endswith("s") and not word.endswith("ss") and len(word) > 4 else word


def _enum_words(schema):
    """Every word of an enum member somewhere in the schema."""
    out = {w for v in schema.get("enum", ()) for w in words_of(str(v))}
    for value in schema.values():
        for inner in value.values() if isinstance(value, dict) else ():
            if isinstance(inner, dict):
                out |= _enum_words(inner)
        if isinstance(value, dict):
            out |= _enum_words(value)
    return out


def _telling_words(card):
    """The words of a tool's name, no leading verb, that its wordings say and never inflect ("refreshed")."""
    english = [u.text.lower() for u in card.utterances if u.lang == "en"]
    taken = _enum_words(card.tool["parameters"])
    for w in words_of(card.tool["name"])[1:]:
        stem = _stem(w)
        if len(stem) > 3 and w not in VERBS and stem not in VERBS and stem not in IMPERATIVES and not {w, stem} & taken:
            said = sum(bool(re.search(rf"\b{stem}s?\b", text)) for text in english)
            inflected = any(re.search(rf"\b{stem}(?!s?\b)", text) for text in english)
            if not inflected and said >= max(2, LEAST_SHARE * len(english)):
                yield stem


class Alias:
    """A consistent replacement of words: {stem: other word}."""

    def __init__(self, words):
        self.words = words
        self.back = {v: k for k, v in words.items()}
        self._there, self._home = self._pattern(self.words), self._pattern(self.back)

    @staticmethod
    def _pattern(words):
        return re.compile(r"\b(" + "|".join(map(re.escape, words)) + r")(s?)\b", re.I)

    @staticmethod
    def _put(pattern, words, text):
        def other(m):
            word = words[m[1].lower()] + m[2]
            return word.capitalize() if m[1][0].isupper() else word
        return pattern.sub(other, text)

    def text(self, text):
        """The text outside slots with the other words."""
        out, end = [], 0
        for m in SLOT.finditer(text):
            out += [self._put(self._there, self.words, text[end:m.start()]), m[0]]
            end = m.end()
        return "".join(out) + self._put(self._there, self.words, text[end:])

    def original(self, text):
        return self._put(self._home, self.back, text)

    def name(self, name):
        return NAME_WORDS.sub(lambda m: self._put(self._there, self.words, m[0]), name)

    def tool(self, tool):
        """Name and descriptions; parameter names stay, they are the keys of the answers."""
        schema = tool["parameters"]
        properties = {k: {**s, "description": self.text(s["description"])} if s.get("description") else s
                      for k, s in schema.get("properties", {}).items()}
        out = {**tool, "name": self.name(tool["name"]), "parameters": {**schema, "properties": properties}}
        if tool.get("description"):
            out["description"] = self.text(tool["description"])
        return out

    def card(self, card):
        utterances = [dataclasses.replace(u, text=self.text(u.text)) if u.lang == "en" else u for u in card.utterances]
        return dataclasses.replace(card, tool=self.tool(card.tool), utterances=utterances,
                                   misses=[self.text(x) for x in card.misses])


def plain_nouns(corpus):
    """Everyday words that may stand in for others."""
    return sorted({w.lower() for w in corpus.entities("nouns") if w.isalpha() and 3 < len(w) < 9})


def scene_alias(rng, record, nouns):
    """An Alias for a scene's tools; words of any argument stay. None when there is no word to change."""
    cases = [c for c in record["cases"] if c.get("lang", "en") == "en"]
    cards = [Card("", "", t, [Utterance(c["q"]) for c in cases if any(a["name"] == t["name"] for a in c["a"])], [])
             for t in record["tools"]]
    said = " ".join(s for c in cases for a in c["a"] for s in leaves(a["arguments"]))
    return draw_alias(rng, cards, nouns, never=frozenset(_stem(w.lower()) for w in re.findall(r"[^\W\d_]+", said)))


def draw_alias(rng, cards, nouns, never=frozenset()):
    """An Alias for some of the words of these cards but `never`; None when none of them has a word to change."""
    stems = sorted({w for card in cards for w in _telling_words(card)} - never)
    stems = [w for w in stems if rng.random() < 0.7]
    words = {}
    for stem in stems:
        other = invented_word(rng) if rng.random() < 0.4 else rng.choice(nouns)
        if other not in words.values() and other not in stems:
            words[stem] = other
    return Alias(words) if words else None
