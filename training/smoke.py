"""Smoke test of the training code on a toy task: python3 -m training.smoke (CPU, under a minute).

Toy queries name a tool and give two values; the answer repeats all three, or is "nothing" if the
query may not see that tool. So a model that learns it copies from the query and reads the tools
that the masks let it see.
"""
import argparse
import dataclasses
from pathlib import Path
import random
import tempfile
import time

import numpy as np
import torch

from . import checkpoint
from .config import EOS, QUERY_SEGMENT, STAGES, TOOL_CALL, TOOLS, ModelConfig
from .export import load_weights, save_weights
from .loader import Loader, MixedLoader
from .train import Cluster, Log, Trainer, train

NOTHING, NAMES, VALUES = 7, range(8, 16), range(16, 64)
LENGTH, TOOL_COUNT, QUERY_COUNT = 40, 4, 8
CONFIG = ModelConfig(vocab_size=64, d_model=32, num_heads=2, num_kv_heads=1, num_encoder_layers=2,
                     num_decoder_layers=2, contrastive_dim=16)


def row_type(encoder_length, decoder_length):
    """Record of training/rows.py, with other lengths."""
    return np.dtype([("enc_tok", "u2", encoder_length), ("enc_seg", "u1", encoder_length),
                     ("vis", "u8", 48), ("dec_tok", "u2", decoder_length),
                     ("dec_seg", "u1", decoder_length), ("dec_tgt", "u2", decoder_length),
                     ("gold", "u8", 48)])


def toy_row(rng):
    row = np.zeros((), row_type(LENGTH, LENGTH))
    names = rng.sample(NAMES, TOOL_COUNT)
    encoder = [(k + 1, names[k]) for k in range(TOOL_COUNT)]
    decoder = []
    for e in range(1, QUERY_COUNT + 1):
        tool = rng.randrange(TOOL_COUNT)
        seen = [k for k in range(TOOL_COUNT) if k != tool or rng.random() < 0.7]
        values = rng.sample(VALUES, 2)
        encoder += [(QUERY_SEGMENT + e, t) for t in (names[tool], *values, TOOLS)]
        answer = [names[tool], *values] if tool in seen else [NOTHING]
        row["vis"][e - 1] = sum(1 << k for k in seen)
        row["gold"][e - 1] = 1 << tool if tool in seen else 0
        text = [EOS, TOOL_CALL, *answer, EOS]
        decoder += [(e, a, b) for a, b in zip(text, text[1:])]
    for i, (segment, token) in enumerate(encoder):
        row["enc_seg"][i], row["enc_tok"][i] = segment, token
    for i, (segment, token, target) in enumerate(decoder):
        row["dec_seg"][i], row["dec_tok"][i], row["dec_tgt"][i] = segment, token, target
    return row


def toy_text_row(rng):
    """A row of the text stage: repeat what stands before the end piece; the decoder is shorter."""
    row = np.zeros((), row_type(LENGTH, LENGTH // 2))
    values = rng.sample(VALUES, 6)
    row["enc_tok"][:7], row["enc_seg"][:7] = [*values, TOOLS], QUERY_SEGMENT + 1
    row["dec_tok"][:8], row["dec_tgt"][:8] = [EOS, TOOL_CALL, *values], [TOOL_CALL, *values, EOS]
    row["dec_seg"][:8] = 1
    return row


def write_shards(directory, rows, rng):
    (Path(directory) / "text").mkdir()
    np.save(Path(directory) / "text" / "toy-0.npy", np.array([toy_text_row(rng) for _ in range(rows)]))
    for name in ("toy-0.npy", "toy-1.npy", "heldout-0.npy"):
        np.save(Path(directory) / name, np.array([toy_row(rng) for _ in range(rows)]))


def stage_of(name, **changes):
    return dataclasses.replace(STAGES[name], rows_per_gpu=8, contrastive_rows=2,
                               warmup_steps=10, adamw_lr=4e-3, **changes)


def run_regularized(directory, trainer_for, log):
    """A few more steps with every regularization on; -> held-out result of the averaged weights."""
    stage = stage_of("tasks", weight_decay=0.05, tool_dropout=0.1, dropout=0.05, ema_decay=0.9, text_share=0.25, lr_start=0.2)
    trainer = trainer_for(stage)
    trainer.restore(checkpoint.latest(Path(directory) / "tasks"), same_stage=False)
    loader = MixedLoader(lambda rows: Loader(directory, rows), lambda rows: Loader(Path(directory) / "text", rows), 8,
                         stage.text_share)
    folder = Path(directory) / "regularized"
    train(trainer, loader, log, folder, time.time() + 600, 30)
    trainer.model.load_state_dict(load_weights(folder / "average.safetensors").state_dict())
    return {"regularized": trainer.validate(loader)}


def run(directory, steps=240, quiet=False):
    """Trains, resumes, quantizes, exports; -> results by name."""
    torch.manual_seed(1)
    torch.set_num_threads(1)  # the matrices are tiny: a second thread waits longer than it works
    write_shards(directory, 320, random.Random(1))
    cluster, log = Cluster(), Log(directory, not quiet)
    results = {}

    def trainer_for(stage):
        return Trainer(CONFIG, stage, cluster, "math", compiled=False)

    def fit(trainer, count):
        loader = Loader(directory, 8, seed=trainer.step)
        train(trainer, loader, log, Path(directory) / trainer.stage.name, time.time() + 600, count)

    first = trainer_for(stage_of("tasks"))
    loader = Loader(directory, 8)
    results["untrained"] = first.validate(loader)
    fit(first, steps // 2)
    second = trainer_for(stage_of("tasks"))
    second.restore(checkpoint.latest(Path(directory) / "tasks"), same_stage=True)
    results["resumed"] = second.step == first.step and all(
        torch.equal(a, b) for a, b in zip(first.model.parameters(), second.model.parameters()))
    fit(second, steps - steps // 2)
    results["float"] = second.validate(loader)
    results.update(run_regularized(directory, trainer_for, log))
    quantized = trainer_for(stage_of("qat"))
    quantized.restore(checkpoint.latest(Path(directory) / "tasks"), same_stage=False)
    results["quantized before qat"] = quantized.validate(loader)
    fit(quantized, steps // 5)
    results["quantized"] = quantized.validate(loader)
    path = Path(directory) / "export.safetensors"
    save_weights(path, quantized.model)
    copy = load_weights(path)
    results["exported"] = copy.cfg == CONFIG and all(
        torch.equal(a, b) for a, b in zip(copy.parameters(), quantized.model.parameters()))
    return results


def main():
    argparse.ArgumentParser(description=__doc__.split("\n")[0]).parse_args()
    start = time.time()
    with tempfile.TemporaryDirectory() as directory:
        for name, value in run(directory).items():
            print(name, value)
    print(f"{time.time() - start:.1f} s")


if __name__ == "__main__":
    main()
