"""Writes training shards: .npy arrays of ROW records (training/rows.py), each by tmp file and rename.

    python3 -m training.data.generate --corpus .cache/corpus --out DIR --stage text|tasks \\
        --shards N --rows-per-shard R --seed S --procs P

tasks: also writes heldout-*.npy from the cards and scenes of the `unseen` split.
The same seed gives the same shards, whatever P is; text shards depend on --procs (each process masks its share).
"""
import argparse
import gc
import json
import multiprocessing
import os
import time

import numpy as np
import sentencepiece

from training.data import text
from training.data.corpus import DEFAULT_CORPUS, Corpus
from training.data.library import Library
from training.data.tasks import TaskRows, make_mix, rng_for
from training.rows import ROW, TEXT_ROW

TOKENIZER = "model/tokenizer.model"
BANNED = "training/eval/banned_queries.json"


def write(path, rows):
    """Atomic: readers see whole shards only."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with open(temporary, "wb") as f:
        np.save(f, rows)
    os.replace(temporary, path)


def text_worker(args, worker):
    sp = sentencepiece.SentencePieceProcessor(model_file=args.tokenizer)
    rng = rng_for(args.seed, "text", worker)
    chunks = []
    start, limit = time.time(), args.rows_per_shard * 8
    shards = list(range(worker, args.shards, args.procs))
    source = text.chunks(Corpus(args.corpus), sp, worker, args.procs, rng)
    for done, shard in enumerate(shards):
        # The first shards are made of what is tokenised so far, so that training can begin.
        for chunk in source:
            chunks.append(chunk)
            if done < 2 and len(chunks) % limit == 0:
                break
        rows = np.zeros(args.rows_per_shard, TEXT_ROW)
        text.fill_rows(rows, chunks, f"{args.seed}/{shard}")
        write(os.path.join(args.out, f"text-{shard:05d}.npy"), rows)
    print(f"text worker {worker}: {len(chunks)} chunks, {sum(map(len, chunks))} pieces, {len(shards)} shards, {time.time() - start:.0f} s", flush=True)


def banned_queries():
    """Fingerprints of evaluation queries; never trained on."""
    with open(BANNED, encoding="utf-8") as f:
        return frozenset(json.load(f))


def task_shard(args, maker, name, shard):
    rng = rng_for(args.seed, name, shard)
    rows = np.zeros(args.rows_per_shard, ROW)
    for record in rows:
        maker.fill(record, rng)
    write(os.path.join(args.out, f"{name}-{shard:05d}.npy"), rows)


def task_worker(args, makers, worker):
    if worker == 0:
        task_shard(args, makers["unseen"], "heldout", 0)
    start, count = time.time(), 0
    for shard in range(worker, args.shards, args.procs):
        task_shard(args, makers["train"], "tasks", shard)
        count += 1
    print(f"tasks worker {worker}: {count} shards, {time.time() - start:.0f} s", flush=True)


def make_task_rows(args, split):
    corpus = Corpus(args.corpus)
    library = Library(corpus, split)
    sp = sentencepiece.SentencePieceProcessor(model_file=args.tokenizer)
    return TaskRows(make_mix(corpus, library, split), sp, banned_queries())


def parse_args(argv=None):
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--corpus", default=DEFAULT_CORPUS)
    parser.add_argument("--out", required=True)
    parser.add_argument("--stage", choices=("text", "tasks"), required=True)
    parser.add_argument("--shards", type=int, default=64)
    parser.add_argument("--rows-per-shard", type=int, default=1024)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--procs", type=int, default=os.cpu_count())
    parser.add_argument("--tokenizer", default=TOKENIZER)
    return parser.parse_args(argv)


def main():
    args = parse_args()
    args.procs = min(args.procs, args.shards)
    os.makedirs(args.out, exist_ok=True)
    if args.stage == "text":
        jobs = [(text_worker, (args, w)) for w in range(args.procs)]
    else:
        # Loaded once; the forked workers share it.
        makers = {split: make_task_rows(args, split) for split in ("train", "unseen")}
        jobs = [(task_worker, (args, makers, w)) for w in range(args.procs)]
    gc.freeze()  # keeps the shared pages of the forked workers shared
    context = multiprocessing.get_context("fork")
    workers = [context.Process(target=f, args=a) for f, a in jobs]
    for w in workers:
        w.start()
    for w in workers:
        w.join()
    failed = sum(w.exitcode != 0 for w in workers)
    if failed:
        raise SystemExit(f"{failed} of {len(workers)} workers failed; see above")


if __name__ == "__main__":
    main()
