"""Weights as safetensors (own small reader and writer), and a directory that the packer takes.

python3 -m training.export WEIGHTS.safetensors --tokenizer tokenizer.model --out DIR
python3 -m training.export --split WEIGHTS.safetensors --out DIR     pieces of at most 15 MiB
python3 -m training.export --merge DIR/WEIGHTS.safetensors.part* --out WEIGHTS.safetensors

Tensor names are those of `SAN.state_dict()`: `embedding`, `encoder.{i}.self.{norm,q,k,v,o,q_norm,
k_norm,gate}`, `decoder.{i}.{self,cross}.{...}`, `encoder.norm`, `decoder.norm`, `head.hidden`,
`head.hidden_bias`, `head.output`; matrices are (out, in). `__metadata__.config` is ModelConfig
as JSON. Files for transport hold matrices as F16; the exported file holds only F32.
"""
import argparse
import json
from pathlib import Path
import shutil
import struct

import numpy as np
import torch

from .config import ModelConfig
from .model import SAN

PIECE_BYTES = 15 << 20
ABOUT = {"name": "Thimble 26M", "license": "Apache-2.0", "training": "training/runs/LOG.md"}
TYPES = {"F32": np.float32, "F16": np.float16}


def write_safetensors(path, arrays, metadata):
    """arrays: name -> float32 or float16 array; metadata: name -> str."""
    names = {np.dtype(v): k for k, v in TYPES.items()}
    header, blobs, start = {"__metadata__": metadata}, [], 0
    for name, array in sorted(arrays.items()):
        blob = np.ascontiguousarray(array).tobytes()
        header[name] = {"dtype": names[array.dtype], "shape": list(array.shape),
                        "data_offsets": [start, start + len(blob)]}
        blobs.append(blob)
        start += len(blob)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))


def read_safetensors(path):
    """-> (name -> array, metadata)"""
    data = Path(path).read_bytes()
    size, = struct.unpack("<Q", data[:8])
    header = json.loads(data[8:8 + size])
    metadata, body = header.pop("__metadata__", {}), memoryview(data)[8 + size:]
    arrays = {}
    for name, entry in header.items():
        start, end = entry["data_offsets"]
        arrays[name] = np.frombuffer(body[start:end], TYPES[entry["dtype"]]).reshape(entry["shape"])
    return arrays, metadata


def save_weights(path, model, half=False, about=None):
    """half: matrices as float16 (for transport); vectors stay float32. about: texts for the model file's metadata."""
    arrays = {}
    for name, tensor in model.state_dict().items():
        array = tensor.detach().float().cpu().numpy()
        arrays[name] = array.astype(np.float16) if half and array.ndim == 2 else array
    write_safetensors(path, arrays, {**(about or {}), "config": model.cfg.to_json()})


def load_weights(path):
    """-> SAN in float32 on the CPU."""
    arrays, metadata = read_safetensors(path)
    model = SAN(ModelConfig.from_json(metadata["config"]))
    model.load_state_dict({k: torch.from_numpy(v.astype(np.float32)) for k, v in arrays.items()})
    return model.eval()


def split(path, out):
    data = Path(path).read_bytes()
    for i in range(0, len(data), PIECE_BYTES):
        piece = Path(out) / f"{Path(path).name}.part{i // PIECE_BYTES}"
        piece.write_bytes(data[i:i + PIECE_BYTES])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("weights", nargs="?")
    parser.add_argument("--tokenizer")
    parser.add_argument("--split")
    parser.add_argument("--merge", nargs="+")
    parser.add_argument("--out", required=True)
    args = parser.parse_args()
    out = Path(args.out)
    if args.merge:
        out.write_bytes(b"".join(Path(p).read_bytes() for p in sorted(args.merge)))
        load_weights(out)
        return
    out.mkdir(parents=True, exist_ok=True)
    if args.split:
        split(args.split, out)
    if args.weights:
        save_weights(out / "model.safetensors", load_weights(args.weights), about=ABOUT)
        if args.tokenizer:
            shutil.copyfile(args.tokenizer, out / "tokenizer.model")


if __name__ == "__main__":
    main()
