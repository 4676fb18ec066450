"""Training checkpoints: written to a temporary name and renamed, the last two kept."""
import os
from pathlib import Path

import torch

KEEP = 2


def save(directory, step, state):
    directory = Path(directory)
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"checkpoint-{step:07d}.pt"
    torch.save(state, str(path) + ".part")
    os.replace(str(path) + ".part", path)
    for old in sorted(directory.glob("checkpoint-*.pt"))[:-KEEP]:
        old.unlink()
    return path


def latest(directory):
    found = sorted(Path(directory).glob("checkpoint-*.pt"))
    return found[-1] if found else None


def load(path):
    return torch.load(path, map_location="cpu", **({"weights_only": False}
                      if torch.__version__ >= "2" else {}))
