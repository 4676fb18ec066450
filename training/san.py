"""Model files (`.san`, src/weights/FORMAT.md) from and to PyTorch.

`read_san` checks only what it needs to place every tensor; the engine's reader is the strict one. `write_san` gives the
bytes that js/pack gives: the layout below is FORMAT.md's, sections 1 to 5.
"""
from dataclasses import dataclass, fields
import json
import math
from pathlib import Path
import struct
import zlib

import numpy as np
import torch

from .config import ModelConfig
from .export import load_weights
from .model import SAN
from .quantize import quantize_array

MAGIC, VERSION, TABLE, ENTRY = b"\x89SAN\r\n\x1a\n", 1, 128, struct.Struct("<IIQQII")
HEADER = struct.Struct("<8sIIQII")
CONFIG = struct.Struct("<11IfIIII")
CONFIG_FIELDS = ("vocab_size", "d_model", "num_heads", "num_kv_heads", "head_dim", "num_encoder_layers", "num_decoder_layers",
                 "max_seq_len", "max_decode_len", "contrastive_hidden", "contrastive_dim", "rope_theta", "attention",
                 "text_format", "weight_type", "reserved")
ATTENTION, TEXT_FORMAT, I8 = ("bidirectional", "tool_isolated"), ("needle", "thimble"), 1
PANEL, ALIGN, MAX_DECODE_LEN = 32, 64, 512
SUBLAYER = ("norm", "q_norm", "k_norm", "gate", "q", "k", "v", "o")


@dataclass
class SanFile:
    """What a file holds. `model.cfg.calibration` is the calibration section."""

    model: SAN
    tokenizer: bytes  # the tokenizer section
    metadata: dict


def pad(n, to=ALIGN):
    return -n % to


def sections(cfg):
    """[(kind, index, names of its tensors)] of the sections 4 to 7, in file order."""
    out = [(4, 0, ["embedding"])]
    for i in range(cfg.num_encoder_layers):
        out.append((5, i, [f"encoder.{i}.self.{n}" for n in SUBLAYER]))
    for i in range(cfg.num_decoder_layers):
        out.append((6, i, [f"decoder.{i}.{part}.{n}" for part in ("self", "cross") for n in SUBLAYER]))
    head = ["head.hidden_bias", "head.hidden", "head.output"] if cfg.contrastive_dim else []
    return out + [(7, 0, ["encoder.norm", "decoder.norm", *head])]


def to_panels(codes):
    """int8 (rows, cols) -> bytes in kernel order, rows padded to a multiple of 32."""
    rows, cols = codes.shape
    padded = np.zeros((rows + pad(rows, PANEL), cols), np.int8)
    padded[:rows] = codes
    return padded.reshape(-1, PANEL, cols // 4, 4).transpose(0, 2, 1, 3).tobytes()


def from_panels(data, rows, cols):
    """The inverse of to_panels: int8 (rows, cols)."""
    panels = np.frombuffer(data, np.int8).reshape(-1, cols // 4, PANEL, 4)
    return panels.transpose(0, 2, 1, 3).reshape(-1, cols)[:rows]


def tensor_bytes(array):
    if array.ndim == 1:
        data = array.astype("<f4").tobytes()
        return data + bytes(pad(len(data)))
    codes, scale = quantize_array(array)
    return np.pad(scale, (0, pad(len(scale), PANEL))).astype("<f4").tobytes() + to_panels(codes)


def read_tensor(data, at, shape):
    """-> float32 array, offset after it"""
    if len(shape) == 1:
        end = at + 4 * shape[0]
        return np.frombuffer(data[at:end], "<f4"), end + pad(4 * shape[0])
    rows, cols = shape
    padded = rows + pad(rows, PANEL)
    scale = np.frombuffer(data[at:at + 4 * padded], "<f4")[:rows]
    start, end = at + 4 * padded, at + 4 * padded + padded * cols
    return from_panels(data[start:end], rows, cols).astype(np.float32) * scale[:, None], end


def read_config(data):
    values = dict(zip(CONFIG_FIELDS, CONFIG.unpack_from(data, 64)))
    if values["weight_type"] != I8:
        raise ValueError("a float model file cannot be trained on; use the INT8 file or the safetensors")
    values["attention"] = ATTENTION[values["attention"]]
    values["text_format"] = TEXT_FORMAT[values["text_format"]]
    names = {f.name for f in fields(ModelConfig)}
    return ModelConfig(**{k: v for k, v in values.items() if k in names})


def read_san(path):
    """Path of an INT8 .san file -> SanFile, weights dequantized. ValueError when it is no such file."""
    data = Path(path).read_bytes()
    if len(data) < 192 or data[:8] != MAGIC or HEADER.unpack_from(data)[1] != VERSION:
        raise ValueError(f"{path} is no model file of version {VERSION}")
    magic, _, _, size, count, _ = HEADER.unpack_from(data)
    if size != len(data) or TABLE + ENTRY.size * count > size:
        raise ValueError(f"{path} has {len(data)} bytes and says {size}; copy it again")
    parts = {}
    for i in range(count):
        kind, index, offset, length, crc, _ = ENTRY.unpack_from(data, TABLE + ENTRY.size * i)
        body = data[offset:offset + length + pad(length)]
        if zlib.crc32(body) != crc:
            raise ValueError(f"{path}: section {kind}.{index} is damaged; copy the file again")
        parts[kind, index] = body[:length]
    calibration = np.frombuffer(parts[3, 0], "<f4").tolist()
    cfg = ModelConfig(**{**read_config(data).__dict__, "calibration": tuple(calibration)})
    model = SAN(cfg)
    model.load_state_dict(read_tensors(parts, cfg, model.state_dict()))
    return SanFile(model.eval(), parts[2, 0], json.loads(parts[1, 0] or b"{}"))


def load_model(path):
    """A .san or .safetensors file -> SAN in float32 on the CPU."""
    return read_san(path).model if str(path).endswith(".san") else load_weights(path)


def read_tensors(parts, cfg, like):
    """The state dict of the sections 4 to 7; shapes are those of `like`."""
    state = {}
    for kind, index, names in sections(cfg):
        at = 0
        for name in names:
            array, at = read_tensor(parts[kind, index], at, like[name].shape)
            state[name] = torch.from_numpy(np.array(array))
    return state


def config_bytes(cfg):
    values = {**cfg.__dict__, "head_dim": cfg.head_dim, "max_decode_len": MAX_DECODE_LEN, "weight_type": I8, "reserved": 0,
              "contrastive_hidden": cfg.d_model // 4 if cfg.contrastive_dim else 0,
              "attention": ATTENTION.index(cfg.attention), "text_format": TEXT_FORMAT.index(cfg.text_format)}
    return CONFIG.pack(*(values[k] for k in CONFIG_FIELDS))


def write_san(path, san):
    """Writes a SanFile as INT8. ValueError when a weight is not finite."""
    cfg = san.model.cfg
    state = {k: v.detach().float().cpu().numpy() for k, v in san.model.state_dict().items()}
    if not all(np.isfinite(a).all() for a in state.values()):
        raise ValueError("a weight is not finite: the training diverged")
    metadata = json.dumps(san.metadata, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    parts = [(1, 0, metadata), (2, 0, san.tokenizer), (3, 0, np.array(cfg.calibration, "<f4").tobytes())]
    parts += [(k, i, b"".join(tensor_bytes(state[n]) for n in names)) for k, i, names in sections(cfg)]
    offset = math.ceil((TABLE + ENTRY.size * len(parts)) / ALIGN) * ALIGN
    header_bytes, table, body = offset, b"", b""
    for kind, index, content in parts:
        padded = content + bytes(pad(len(content)))
        table += ENTRY.pack(kind, index, offset, len(content), zlib.crc32(padded), 0)
        body += padded
        offset += len(padded)
    header = HEADER.pack(MAGIC, VERSION, header_bytes, offset, len(parts), 0)
    header = (header.ljust(64, b"\0") + config_bytes(cfg) + table).ljust(header_bytes, b"\0")
    crc = struct.pack("<I", zlib.crc32(header))
    Path(path).write_bytes(header[:28] + crc + header[32:] + body)
