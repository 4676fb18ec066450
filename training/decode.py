"""Greedy decoding without a grammar, batched, with a KV cache; for quick checks, not for users."""
from dataclasses import dataclass, field

import torch

from .config import EOS, QUERY_SEGMENT, TOOL_CALL, TOOLS
from .losses import positions
from .model import attend_math, join, keys_values, queries, rms_norm

PAIRS = {"cuda": 1 << 26, "cpu": 1 << 22}  # batch * encoder length^2, bounds the score matrices


@dataclass
class Answer:
    pieces: list = field(default_factory=list)  # after <tool_call>, without eos
    log_probabilities: list = field(default_factory=list)  # of those pieces and eos
    finished: bool = False


def pack(examples, device):
    """examples: (tools: lists of ids, query ids) -> tokens, segments (B, T); 0 is padding."""
    rows = []
    for tools, query in examples:
        row = [(t, k + 1) for k, tool in enumerate(tools) for t in tool]
        rows.append(row + [(t, len(tools) + QUERY_SEGMENT) for t in [*query, TOOLS]])
    length = max(map(len, rows))
    packed = torch.tensor([r + [(0, 0)] * (length - len(r)) for r in rows], device=device)
    return packed[..., 0], packed[..., 1]


def encode(model, tokens, segments):
    """-> encoder states (B, T, d) where every query sees all tools of its row."""
    real = segments > 0
    is_query = segments == segments.max(1, keepdim=True).values
    mask = segments[:, :, None] == segments[:, None, :]
    mask = mask | (is_query[:, :, None] & real[:, None, :])
    return model.encode(tokens, positions(segments), mask[:, None]), real


class Decoder:
    """One token a step over cached keys and values."""

    def __init__(self, model, memory, real, limit):
        self.model, self.quantized = model, model.quantized
        self.layers = [(layer.self.block(), layer.cross.block()) for layer in model.decoder]
        self.mask = real[:, None, None, :]
        self.cross = [keys_values(c, memory, None, self.quantized) for _, c in self.layers]
        shape = (len(memory), model.cfg.num_kv_heads, limit, model.cfg.head_dim)
        self.past = [(memory.new_zeros(shape), memory.new_zeros(shape)) for _ in self.layers]
        self.length = 0

    def step(self, tokens):
        """tokens (B,) -> logits (B, vocab) float32."""
        model, quantized = self.model, self.quantized
        at, self.length = self.length, self.length + 1
        x = model.embed(tokens[:, None])
        rope = model.rope(torch.full_like(tokens[:, None], at))
        everything = torch.ones(1, 1, 1, self.length, dtype=torch.bool, device=x.device)
        for (own, other), past, (k, v) in zip(self.layers, self.past, self.cross):
            h = rms_norm(x, own.norm)
            for cache, new in zip(past, keys_values(own, h, rope, quantized)):
                cache[:, :, at:at + 1] = new
            keys, values = (t[:, :, :self.length] for t in past)
            mixed = attend_math(queries(own, h, rope, quantized), keys, values, everything, quantized)
            x = join(own, x, mixed.to(x.dtype), quantized)
            q = queries(other, rms_norm(x, other.norm), None, quantized)
            x = join(other, x, attend_math(q, k, v, self.mask, quantized).to(x.dtype), quantized)
        return model.logits(rms_norm(x, model.decoder.norm))[:, 0].float()


@torch.no_grad()
def decode_batch(model, examples, limit):
    device = model.embedding.device
    tokens, segments = pack(examples, device)
    decoder = Decoder(model, *encode(model, tokens, segments), limit + 2)
    answers = [Answer() for _ in examples]
    token = torch.full((len(examples),), EOS, device=device)
    for step in range(limit + 1):
        scores = decoder.step(token).log_softmax(-1)
        if step == 0:  # <tool_call> always comes first
            token = torch.full_like(token, TOOL_CALL)
            continue
        best = scores.max(-1)
        token = best.indices
        for answer, piece, score in zip(answers, token.tolist(), best.values.tolist()):
            if answer.finished:
                continue
            answer.log_probabilities.append(score)
            answer.finished = piece == EOS
            if piece != EOS:
                answer.pieces.append(piece)
        if all(a.finished for a in answers):
            break
    return answers


def greedy(model, examples, limit=200, progress=lambda done: None):
    """examples: list of (tools, query) as piece ids -> list of Answer, in the same order."""
    def size(i):
        return sum(map(len, examples[i][0])) + len(examples[i][1]) + 1

    order = sorted(range(len(examples)), key=size)
    answers, start = [None] * len(examples), 0
    pairs = PAIRS[model.embedding.device.type]
    while start < len(order):
        end = start + 1
        while end < len(order) and end - start < 256 and \
                (end + 1 - start) * size(order[end]) ** 2 <= pairs:
            end += 1
        batch = order[start:end]
        for i, answer in zip(batch, decode_batch(model, [examples[i] for i in batch], limit)):
            answers[i] = answer
        start = end
        progress(start)
    return answers
