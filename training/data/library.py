"""All cards and scenes of one split, and which tools are too alike to stand in one list.

Authors made the tools of one domain of one file distinct; across files the same job returns under
other names. Such twins are found by the cosine of IDF-weighted words (name, description, wordings).
"""
import math
import re
from collections import Counter, defaultdict
from dataclasses import dataclass

from training.data.cards import SLOT, Card, parse_card
from training.data.corpus import card_records
from training.data.names import words_of
from training.data.oddtext import OddTexts
from training.data.split import held_out, scene_held_out

TWIN_COSINE = 0.25
STOP = set("""a an the of to in on for and or is are be it its this that with by at from as i me my we you your can could please
do does did will would what which when where who how much many not no if so just want need like get give let show have has
tool user one all any some up out off about into than then them they us our there hey hi ok s t m re ll ve d new make set
""".split())
_WORD = re.compile(r"[^\W\d_]+")


def stems(text):
    return [w[:-1] if w.endswith("s") and len(w) > 3 else w for w in (w.lower() for w in _WORD.findall(text)) if w not in STOP]


@dataclass
class Entry:
    """One tool of the library with the words that speak of it."""
    tool: dict
    cluster: tuple  # tools of one cluster were made distinct by their author
    bag: Counter
    card: Card = None


def _bag(tool, wordings):
    bag = Counter()
    for w in words_of(tool["name"]):
        bag[w] += 3
    for w in stems(tool.get("description", "")):
        bag[w] += 2
    for text in wordings:
        bag.update(set(stems(SLOT.sub(" ", text))))
    return bag


class Library:
    """split: "train" or "unseen"."""

    def __init__(self, corpus, split="train"):
        unseen = split == "unseen"
        self.odd_texts = OddTexts(corpus)
        self.entries, self.scenes = [], []
        for file, number, record in card_records():
            if "cases" in record:
                if scene_held_out(record) == unseen:
                    self._add_scene(file, number, record)
            elif held_out(record["domain"], record["tool"]["name"]) == unseen:
                card = parse_card(record, corpus, file)
                bag = _bag(card.tool, [u.text for u in card.utterances])
                self.entries.append(Entry(card.tool, (file, card.domain), bag, card))
        self.card_ids = [i for i, e in enumerate(self.entries) if e.card]
        self.clusters = defaultdict(list)
        for i in self.card_ids:
            self.clusters[self.entries[i].cluster].append(i)
        self._weigh()

    def _add_scene(self, file, number, record):
        ids = []
        for tool in record["tools"]:
            wordings = [c["q"] for c in record["cases"] if any(a["name"] == tool["name"] for a in c["a"])]
            ids.append(len(self.entries))
            self.entries.append(Entry(tool, (file, number), _bag(tool, wordings)))
        self.scenes.append((record, ids))

    def _weigh(self):
        """Unit vectors of tf-idf weights, one dict of word -> weight an entry."""
        counts = Counter(w for e in self.entries for w in e.bag)
        self.idf = {w: math.log(len(self.entries) / c) for w, c in counts.items()}
        self.vectors = []
        for entry in self.entries:
            vector = {w: math.log1p(n) * self.idf[w] for w, n in entry.bag.items()}
            norm = math.sqrt(sum(x * x for x in vector.values())) or 1.0
            self.vectors.append({w: x / norm for w, x in vector.items()})

    def alike(self, a, b):
        """Cosine of two entries."""
        a, b = self.vectors[a], self.vectors[b]
        return sum(x * b[w] for w, x in a.items() if w in b)

    def twins(self, a, b):
        """True when a list must not hold both: the same name, or the same job by different authors."""
        first, second = self.entries[a], self.entries[b]
        if first.tool["name"] == second.tool["name"]:
            return True
        return first.cluster != second.cluster and self.alike(a, b) > TWIN_COSINE

    def query_overlap(self, query, entry):
        """How much of the query's weighted words the tool knows; 0..1."""
        words = {w for w in stems(query) if w in self.idf}
        total = sum(self.idf[w] for w in words)
        return sum(self.idf[w] for w in words if w in self.vectors[entry]) / total if total else 0.0
