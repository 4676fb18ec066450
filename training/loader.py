"""Packed rows from .npy shards to device tensors, with a background thread.

A shard is a structured array, one record a row (training/rows.py): enc_tok, enc_seg, vis, dec_tok,
dec_seg, dec_tgt, gold. Shards may still be being written by other processes (they appear by
rename); the least-read shards are read first, so fresh data is preferred and the rest repeats.
"""
from pathlib import Path
import queue
import random
import threading
import time

import numpy as np
import torch
import torch.nn.functional as F

SIGNED = {np.dtype("u1"): np.uint8, np.dtype("u2"): np.int16, np.dtype("u8"): np.int64}
HELD_OUT = "heldout"


def to_tensors(rows, pin):
    """Structured rows (B,) -> dict of CPU tensors; unsigned types become signed of equal width."""
    out = {}
    for name in rows.dtype.names:
        field = np.ascontiguousarray(rows[name])
        tensor = torch.from_numpy(field.view(SIGNED[field.dtype]))
        out[name] = tensor.pin_memory() if pin else tensor
    return out


def to_device(batch, device):
    """All fields as int64 on the device."""
    return {k: v.to(device, non_blocking=True).long() for k, v in batch.items()}


class MixedLoader:
    """Batches of which the last rows, `share` of all, come from `text` rows, their decoder padded.

    tasks, text: functions of a row count that make a Loader.
    """

    def __init__(self, tasks, text, rows, share):
        count = max(1, round(rows * share))
        self.tasks, self.text = tasks(rows - count), text(count)
        self.held_out, self.passes = self.tasks.held_out, self.tasks.passes

    def __next__(self):
        tasks, text = next(self.tasks), next(self.text)
        return {k: torch.cat((a, F.pad(text[k], (0, a.shape[1] - text[k].shape[1])))) for k, a in tasks.items()}


class Loader:
    """Endless shuffled batches of `rows` rows for one of `world` ranks."""

    def __init__(self, directory, rows, rank=0, world=1, seed=0, device=None,
                 wait_seconds=90):
        self.directory, self.rows, self.rank, self.world = Path(directory), rows, rank, world
        self.rng = random.Random(f"{seed}/{rank}")
        self.device, self.reads = device, {}
        self.pin = device is not None and device.type == "cuda"
        self._wait(wait_seconds)
        self.queue = queue.Queue(maxsize=6)
        threading.Thread(target=self._fill, daemon=True).start()

    def __next__(self):
        item = self.queue.get()
        if isinstance(item, Exception):
            raise item
        return item

    def held_out(self, rows):
        """The first `rows` rows of this rank's share of the held-out shards; may be none."""
        shards = sorted(p for p in self.directory.glob("*.npy") if HELD_OUT in p.name)
        if not shards:
            return ()
        pool = np.concatenate([np.load(p, mmap_mode="r")[self.rank::self.world] for p in shards])
        return pool[:rows]

    def passes(self):
        """Mean number of times that this rank's shards were read."""
        return sum(self.reads.values()) / max(1, len(self._mine()))

    def _mine(self):
        shards = sorted(p for p in self.directory.glob("*.npy") if HELD_OUT not in p.name)
        if len(shards) < self.world:
            return shards
        return shards[self.rank::self.world]

    def _wait(self, seconds):
        end = time.time() + seconds
        while not self._mine():
            if time.time() > end:
                raise FileNotFoundError(f"no shard appeared in {self.directory}; start "
                                        "training.data.generate first")
            time.sleep(0.5)

    def _fill(self):
        try:
            if self.pin:  # else this thread would pin through the first GPU
                torch.cuda.set_device(self.device)
            left = None
            while True:
                shards = self._mine()
                self.rng.shuffle(shards)
                shard = min(shards, key=lambda p: self.reads.get(p, 0))
                self.reads[shard] = self.reads.get(shard, 0) + 1
                rows = np.load(shard)
                order = np.array(self.rng.sample(range(len(rows)), len(rows)))
                rows = rows[order] if left is None else np.concatenate([left, rows[order]])
                whole = len(rows) // self.rows * self.rows
                for start in range(0, whole, self.rows):
                    self.queue.put(to_tensors(rows[start:start + self.rows], self.pin))
                left = rows[whole:]
        except Exception as error:  # handed to the training thread
            self.queue.put(error)
