"""Writes tests/golden/san: a tiny random model and what PyTorch computes with it.

python3 -m training.golden [--out tests/golden/san]

model.safetensors is an export like any other (vocabulary: the first 128 pieces). cases.json holds
for both attention modes: segments of piece ids ("tools", then "query" with `<tools>` at its end; a
bidirectional input is the "query" segment alone), the encoder states of all segments in that order (tokens, d),
teacher-forced "decoder" ids, their logits (positions, vocab) in float and with the INT8 emulation
("logits_int8"), and the contrastive vector of the query encoded alone.
"""
import argparse
import json
from pathlib import Path
import random

import torch

from . import masks
from .config import EOS, QUERY_SEGMENT, TOOL_CALL, TOOLS, ModelConfig
from .decode import encode, pack
from .export import save_weights
from .losses import positions
from .model import SAN

CONFIG = ModelConfig(vocab_size=128, d_model=64, num_heads=4, num_kv_heads=2,
                     num_encoder_layers=2, num_decoder_layers=2, contrastive_dim=32)


def random_model(seed):
    torch.manual_seed(seed)
    model = SAN(CONFIG).eval()
    with torch.no_grad():
        for p in model.parameters():
            if p.dim() == 1:
                p.normal_(0, 0.3)
    return model


def rounded(tensor):
    return [[float(f"{x:.6g}") for x in row] for row in tensor.tolist()]


def run(model, tools, query, decoder):
    """-> encoder states (T, d), logits (D, vocab); query without `<tools>`."""
    tokens, segments = pack([(tools, query)], "cpu")
    memory, real = encode(model, tokens, segments)
    decoder = torch.tensor([decoder])
    own = masks.dense_mask(masks.decoder_relation(torch.ones_like(decoder)))
    hidden = model.decode(decoder, positions(torch.ones_like(decoder)), memory, own,
                          real[:, None, None, :])
    return memory[0], model.logits(hidden)[0]


@torch.no_grad()
def case(model, tools, query, decoder):
    model.quantized = False
    memory, logits = run(model, tools, query, decoder)
    alone, _ = run(model, [], query, decoder)
    vector = model.contrastive(alone.mean(0, keepdim=True))
    model.quantized = True
    _, quantized = run(model, tools, query, decoder)
    model.quantized = False
    return {"tools": tools, "query": [*query, TOOLS], "decoder": decoder,
            "encoder": rounded(memory), "logits": rounded(logits),
            "logits_int8": rounded(quantized), "contrastive": rounded(vector)[0]}


def cases(model, seed):
    rng = random.Random(seed)

    def ids(n):
        return [rng.randrange(6, CONFIG.vocab_size) for _ in range(n)]

    def decoder(n):
        return [EOS, TOOL_CALL, *ids(n)]
    isolated = [case(model, [ids(n) for n in sizes], ids(3), decoder(3))
                for sizes in ((5, 2), (1, 4, 3), ())]
    joined = [case(model, [], [*ids(3), TOOLS, *ids(7)], decoder(3))]
    return {"tool_isolated": isolated, "bidirectional": joined}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", default="tests/golden/san")
    out = Path(parser.parse_args().out)
    out.mkdir(parents=True, exist_ok=True)
    model = random_model(seed=1)
    save_weights(out / "model.safetensors", model)
    (out / "cases.json").write_text(json.dumps(cases(model, seed=1), separators=(",", ":")) + "\n")


if __name__ == "__main__":
    main()
