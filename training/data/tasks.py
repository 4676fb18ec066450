"""Rows of tool calling: situations from every source, packed."""
import hashlib
import random

from training.data.openapi import OpenApiPools
from training.data.pools import CardPools, ScenePools
from training.data.public import FcPools, NluPools
from training.data.situation import finish
from training.data.written import WrittenPools
from training.render import answer_text, tool_text
from training.rows import MAX_ANSWER_PIECES, MAX_QUERY_PIECES, MAX_TOOL_PIECES, T, RowBuilder

PATIENCE = 8          # asks or situations in a row that may fail before a row is closed
BATCH = 12            # asks that are tokenised together
ALIASED = 0.3         # share of the training pools of cards with other words for their things
VARIED = 0.6          # share of the cases of training scenes with other values
ANSWER_PIECES = 24    # about the mean
LEAST_ROOM = (70, 30)  # pieces left in encoder and decoder that still make a new situation worth it


class Mix:
    """Draws situations from the sources by weight."""

    def __init__(self, sources):
        self.sources = [s for s, _ in sources]
        self.weights = [w for _, w in sources]

    def situation(self, rng, budget):
        return rng.choices(self.sources, self.weights)[0].situation(rng, budget)


class TaskRows:
    """Packs situations into rows with the tokenizer `sp`; `banned`: fingerprints of queries that are never trained on."""

    def __init__(self, mix, sp, banned=frozenset()):
        self.mix, self.sp, self.banned = mix, sp, banned

    def fill(self, record, rng, keep=None):
        """Fills one ROW record. `keep`: a list that receives (situation, example) of everything packed."""
        row = RowBuilder(record)
        failures = 0
        while failures < PATIENCE:
            encoder, decoder = row.room()
            if encoder < LEAST_ROOM[0] or decoder < LEAST_ROOM[1]:
                break
            situation = self.mix.situation(rng, encoder * 0.72)
            if situation is None or not self._add(row, situation, rng, keep):
                failures += 1

    def _encode(self, texts):
        # One thread: every process has its own core, and a pool for each call costs more than it gains.
        return self.sp.encode(texts, num_threads=1)

    def _add(self, row, situation, rng, keep):
        """Adds a situation as far as it fits; False when nothing of it was added."""
        texts = self._encode([tool_text(d.tool) for d in situation.dressed])
        encoder, _ = row.room()
        if sum(map(len, texts)) > encoder - 30 or max(map(len, texts)) > MAX_TOOL_PIECES:
            return False
        first = None
        segments, added, failures = None, 0, 0
        while failures < PATIENCE:
            batch = self._next(situation, rng, min(BATCH, 2 + row.room()[1] // ANSWER_PIECES))
            if not batch:
                break
            for example, query, answer in batch:
                if len(query) > MAX_QUERY_PIECES or len(answer) > MAX_ANSWER_PIECES or (
                        first is None and row.enc + sum(map(len, texts)) + len(query) + 1 > T):
                    failures += 1
                    continue
                if segments is None:
                    segments = [row.add_tool(t) for t in texts]
                    if not all(segments):
                        return False
                visible = [segments[i] for i in example.visible]
                if row.add_query(query, answer, visible, [segments[i] for i in example.gold]):
                    first, added = True, added + 1
                    if keep is not None:
                        keep.append((situation, example))
                else:
                    failures += 1
        return added > 0

    def _next(self, situation, rng, count):
        """The next finished examples of a situation with their pieces; empty when it has no more."""
        examples = []
        for _ in range(3 * count):
            ask = next(situation.asks, StopIteration)
            if ask is StopIteration:
                break
            example = finish(rng, ask, situation.dressed) if ask else None
            if example and fingerprint(example.query) not in self.banned:
                examples.append(example)
            if len(examples) == count:
                break
        if not examples:
            return []
        tools = [d.tool for d in situation.dressed]
        queries = self._encode([e.query for e in examples])
        answers = self._encode([answer_text([tools[i] for i in e.gold], e.calls) for e in examples])
        return list(zip(examples, queries, answers))


def fingerprint(query):
    """A hash of the query's letters and digits in lower case."""
    return hashlib.sha1("".join(c for c in query.lower() if c.isalnum()).encode()).hexdigest()[:16]


def make_mix(corpus, library, split):
    """The sources by number of situations: one of fc/ is one example, the others are a dozen or more.

    The unseen split has cards and scenes only.
    """
    aliased, varied = (ALIASED, VARIED) if split == "train" else (0.0, 0.0)
    own = [(CardPools(library, corpus, aliased), 0.36), (ScenePools(library, corpus, varied, aliased), 0.34)]
    if split != "train":
        return Mix(own)
    operations = OpenApiPools(corpus)
    return Mix(own + [(NluPools(corpus), 0.13), (FcPools(corpus), 1.60), (operations, 0.20), (WrittenPools(operations), 0.12)])


def rng_for(seed, *more):
    return random.Random(f"{seed}/{'/'.join(map(str, more))}")
