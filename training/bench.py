"""Times training steps on random rows: python3 -m training.bench [--seconds 100]

Each variant runs in a process of its own, so that a failing one cannot spoil the rest. Prints
compile time, milliseconds a step, encoder tokens a second and peak memory.
"""
import argparse
import dataclasses
import subprocess
import sys
import time

import numpy as np

from .config import QUERY_SEGMENT, STAGES, TOOLS, ModelConfig

VARIANTS = [  # attention, rows, stage, compiled
    ("flex", 64, "tasks", 1), ("sdpa", 64, "tasks", 1), ("flex", 128, "tasks", 1),
    ("flex", 64, "qat", 1), ("flex", 64, "text", 1), ("sdpa", 64, "text", 1),
]


def random_rows(count, rng):
    """Rows shaped like the real ones: 8 tools of 80 tokens, 16 queries of 20, answers of 30."""
    from .rows import ROW, D, T
    rows = np.zeros(count, ROW)
    tools, queries = 8, 16
    enc_seg = np.repeat(np.r_[1:tools + 1, QUERY_SEGMENT + 1:QUERY_SEGMENT + queries + 1],
                        [80] * tools + [20] * queries)
    dec_seg = np.repeat(np.arange(1, queries + 1), 30)
    for row in rows:
        row["enc_seg"][:len(enc_seg)], row["dec_seg"][:len(dec_seg)] = enc_seg, dec_seg
        row["enc_tok"] = rng.integers(6, 8192, T)
        row["dec_tok"], row["dec_tgt"] = rng.integers(6, 8192, (2, D))
        row["vis"][:queries] = rng.integers(1, 1 << tools, queries)
        row["gold"][:queries] = 1 << rng.integers(0, tools, queries)
        for name, seg in (("enc_tok", "enc_seg"), ("dec_tok", "dec_seg"), ("dec_tgt", "dec_seg")):
            row[name][row[seg] == 0] = 0
        row["enc_tok"][enc_seg.searchsorted(QUERY_SEGMENT + 1, "right") - 1] = TOOLS
    return rows


def measure(attention, rows, stage, compiled, steps=20):
    import torch
    from .loader import to_tensors
    from .train import Cluster, Trainer
    stage = dataclasses.replace(STAGES[stage], rows_per_gpu=rows)
    cluster = Cluster()
    trainer = Trainer(ModelConfig(), stage, cluster, attention, compiled)
    cuda = cluster.device.type == "cuda"
    batches = [to_tensors(random_rows(rows, np.random.default_rng(i)), cuda) for i in range(4)]
    times = []
    for i in range(4):  # the first ones compile
        start = time.time()
        loss = trainer.train_step(batches[i % 4], 0.1).tolist()  # waits for the device
        times.append(time.time() - start)
    start = time.time()
    for i in range(steps):
        loss = trainer.train_step(batches[i % 4], 0.1)
    loss = loss.tolist()
    step = (time.time() - start) / steps
    memory = torch.cuda.max_memory_allocated() / 2 ** 30 if cuda else 0
    print(f"{attention} rows={rows} {stage.name} compiled={compiled}: first steps "
          f"{times[0]:.1f} {times[1]:.1f} {times[2]:.1f} s, {1000 * step:.1f} ms/step, "
          f"{rows * 1024 / step / 1e6:.3f}M tokens/s, {memory:.1f} GiB, loss {loss}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--seconds", type=float, default=100, help="for all variants together")
    parser.add_argument("--variant", nargs=4)
    args = parser.parse_args()
    if args.variant:
        attention, rows, stage, compiled = args.variant
        measure(attention, int(rows), stage, compiled == "1")
        return
    end = time.time() + args.seconds
    for variant in VARIANTS:
        left = end - time.time()
        if left < 15:
            break
        command = [sys.executable, "-m", "training.bench", "--variant", *map(str, variant)]
        try:
            done = subprocess.run(command, timeout=left, capture_output=True, text=True, check=False)
            print(done.stdout + "".join(done.stderr.splitlines(True)[-25:] if done.returncode else ""),
                  flush=True)
        except subprocess.TimeoutExpired:
            print(f"{variant} ran out of time", flush=True)


if __name__ == "__main__":
    main()
