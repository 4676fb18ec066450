"""Rows of the text stage: span infilling. A chunk loses spans; the decoder writes them.

Encoder: the chunk with <tools> for every lost span. Decoder: the spans in order, separated by <tools>.
"""
import json
import random

import numpy as np

from training.render import tool_text
from training.rows import TOOLS, RowBuilder

CHUNK_LOW, CHUNK_HIGH = 80, 240   # pieces
SPAN_LOW, SPAN_HIGH = 3, 15
MASKED_SHARE = 0.18
RUN = 64  # lines in a row of one file that stay together, so that short neighbours may share a chunk


def runs(corpus, part, parts, rng):
    """This part's runs of lines of every text file and of tool texts, in random order."""
    out = []
    for name in corpus.names("text", ".txt.xz"):
        out += _runs_of(corpus.lines(f"text/{name}.txt.xz"), part, parts)
    for name in ("text/openapi_tools.jsonl.xz", "fc/tool_pool.jsonl.xz"):
        out += _runs_of(corpus.lines(name), part, parts, lambda line: tool_text(json.loads(line)))
    rng.shuffle(out)
    return out


def _runs_of(lines, part, parts, convert=str):
    out = []
    for number, line in enumerate(lines):
        if number // RUN % parts != part:
            continue
        if number % RUN == 0 or not out:
            out.append([])
        out[-1].append(convert(line))
    return out


def chunks(corpus, sp, part, parts, rng):
    """uint16 arrays of 80..240 pieces; short lines are joined, long ones are cut."""
    for run in runs(corpus, part, parts, rng):
        pieces, want = [], rng.randint(CHUNK_LOW, CHUNK_HIGH)
        for ids in sp.encode(run, num_threads=1):
            pieces += ids
            while len(pieces) >= want:
                yield np.array(pieces[:want], np.uint16)
                pieces, want = pieces[want:], rng.randint(CHUNK_LOW, CHUNK_HIGH)
            if len(pieces) >= CHUNK_LOW and rng.random() < 0.5:
                yield np.array(pieces, np.uint16)
                pieces, want = [], rng.randint(CHUNK_LOW, CHUNK_HIGH)


def mask(chunk, rng):
    """(encoder ids, decoder ids) of one chunk with one to four spans taken out."""
    n = len(chunk)
    budget = max(SPAN_LOW, round(n * MASKED_SHARE))
    lengths = []
    while budget >= SPAN_LOW and len(lengths) < 4:
        lengths.append(min(rng.randint(SPAN_LOW, SPAN_HIGH), budget))
        budget -= lengths[-1]
    gaps = n - sum(lengths) - len(lengths)
    cuts = sorted(rng.randint(0, gaps) for _ in lengths)
    ids, out, end = [], [], 0
    for i, (cut, length) in enumerate(zip(cuts, lengths)):
        start = cut + sum(lengths[:i]) + i  # at least one piece between two spans
        ids += [*chunk[end:start].tolist(), TOOLS]
        out += ([TOOLS] if out else []) + chunk[start:start + length].tolist()
        end = start + length
    return ids + chunk[end:].tolist(), out


def fill_rows(rows, all_chunks, seed):
    """Fills an array of ROW records with masked chunks drawn from the list; every seed masks differently."""
    rng = random.Random(seed)
    order = []
    for record in rows:
        builder = RowBuilder(record)
        misses = 0
        while misses < 4:
            if not order:
                order = list(range(len(all_chunks)))
                rng.shuffle(order)
            ids, out = mask(all_chunks[order.pop()], rng)
            misses = 0 if builder.add_query(ids, out) else misses + 1
