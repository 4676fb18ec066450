"""Reads an original Needle v1 checkpoint (`needle.pkl`) into a SAN, without executing anything."""
import pickle

import numpy as np
import torch

from .config import ModelConfig
from .model import SAN

_SAFE = {
    "_reconstruct": np.core.multiarray._reconstruct,
    "ndarray": np.ndarray,
    "dtype": np.dtype,
}
_MODULES = {"numpy", "numpy.core.multiarray", "numpy._core.multiarray"}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module, name):
        if module in _MODULES and name in _SAFE:
            return _SAFE[name]
        raise pickle.UnpicklingError(f"{module}.{name} is not allowed in a checkpoint")


def load_needle(path):
    """Path of needle.pkl -> SAN in float32, attention `bidirectional`."""
    with open(path, "rb") as file:
        checkpoint = _ArrayUnpickler(file).load()
    known = {k: v for k, v in checkpoint["config"].items() if k in ModelConfig.__dataclass_fields__}
    cfg = ModelConfig(**known, attention="bidirectional", text_format="needle")
    model = SAN(cfg)
    arrays = dict(_tensors(checkpoint["params"], cfg))
    model.load_state_dict({k: torch.from_numpy(np.array(v, np.float32)) for k, v in arrays.items()})
    return model


def _tensors(params, cfg):
    yield "embedding", params["embedding"]["embedding"]
    yield "encoder.norm", params["encoder"]["final_norm"]["scale"]
    yield "decoder.norm", params["decoder"]["ZCRMSNorm_0"]["scale"]
    yield "head.hidden", params["contrastive_hidden"]["kernel"].T
    yield "head.hidden_bias", params["contrastive_hidden"]["bias"]
    yield "head.output", params["contrastive_proj"]["kernel"].T
    encoder = params["encoder"]["layers"]["EncoderBlock_0"]
    for i in range(cfg.num_encoder_layers):
        yield from _block(f"encoder.{i}.self", encoder, i, "self_attn", "ZCRMSNorm_0", "attn_gate")
    decoder = params["decoder"]["layers"]["DecoderBlock_0"]
    for i in range(cfg.num_decoder_layers):
        for name, norm in (("self", "ZCRMSNorm_0"), ("cross", "ZCRMSNorm_1")):
            yield from _block(f"decoder.{i}.{name}", decoder, i, f"{name}_attn", norm,
                              f"{name}_attn_gate")


def _block(prefix, layers, i, attention, norm, gate):
    yield f"{prefix}.norm", layers[norm]["scale"][i]
    yield f"{prefix}.gate", layers[gate][i].reshape(1)
    for name, key in (("q", "q_proj"), ("k", "k_proj"), ("v", "v_proj"), ("o", "out_proj")):
        yield f"{prefix}.{name}", layers[attention][key]["kernel"][i].T
    for name in ("q_norm", "k_norm"):
        yield f"{prefix}.{name}", layers[attention][name]["scale"][i]
