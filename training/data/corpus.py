"""Reads the corpus folder that `python3 -m training.data.build_corpus` writes.

Layout: nlu/ and fc/ (*.jsonl.xz, *.json), text/ (*.txt.xz, *.jsonl.xz), entities.json.xz.
"""
import json
import lzma
import os

DEFAULT_CORPUS = ".cache/corpus"
TRAINING_FOLDER = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
CARDS_FOLDER = os.path.join(TRAINING_FOLDER, "cards")
WILD_TOOLS = os.path.join(TRAINING_FOLDER, "eval", "wild_tools.json")


class Corpus:
    """Lazy access to the files of one corpus folder."""

    def __init__(self, root=DEFAULT_CORPUS):
        if not os.path.isdir(root):
            raise FileNotFoundError(f"no corpus in {root}: run python3 -m training.data.build_corpus --out {root}")
        self.root = root
        self._entities = None
        self._pairs = {}

    def path(self, name):
        return os.path.join(self.root, name)

    def names(self, folder, suffix):
        """The files of `folder` that end in `suffix`, without it, sorted."""
        return sorted(f[: -len(suffix)] for f in os.listdir(self.path(folder)) if f.endswith(suffix))

    def lines(self, name):
        """The lines of an .xz text file, without line ends."""
        with lzma.open(self.path(name), "rt", encoding="utf-8", newline="\n") as f:
            for line in f:
                yield line.rstrip("\n")

    def records(self, name):
        return (json.loads(line) for line in self.lines(name) if line)

    def api_tools(self):
        """The API operations, without the tools that the wild evaluation set asks for."""
        with open(WILD_TOOLS, encoding="utf-8") as f:
            held_out = {tuple(pair) for pair in json.load(f)}
        return (t for t in self.records("text/openapi_tools.jsonl.xz") if (t["api"], t["name"]) not in held_out)

    def json(self, name):
        with open(self.path(name), encoding="utf-8") as f:
            return json.load(f)

    def entities(self, name):
        """The lines of one entity list; KeyError when there is none of that name."""
        if self._entities is None:
            with lzma.open(self.path("entities.json.xz"), "rt", encoding="utf-8") as f:
                self._entities = json.load(f)
        return self._entities[name]

    def entity_pairs(self, name):
        """The list as (said, value) pairs; made once."""
        if name not in self._pairs:
            self._pairs[name] = [(line, line) for line in self.entities(name)]
        return self._pairs[name]


def card_records(folder=CARDS_FOLDER):
    """(file name, line number, record) of every line of every cards/*.jsonl, in a fixed order."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".jsonl"):
            with open(os.path.join(folder, name), encoding="utf-8") as f:
                for number, line in enumerate(f, 1):
                    if line.strip():
                        yield name, number, json.loads(line)
