"""The Simple Attention Network in PyTorch; same names as the core (src/model) and the export.

Parameters are float32; activations have the type of `compute_dtype`. `attention` picks how
attention is computed: "math" (plain, any PyTorch; the exact INT8 emulation), "sdpa", "flex".
"""
import math
from typing import NamedTuple

import torch
from torch import nn
import torch.nn.functional as F

from .quantize import fake_quantize, quantize_rows, quantized_linear

try:
    from torch.nn.attention.flex_attention import flex_attention
except ImportError:  # before PyTorch 2.5: "math" only
    flex_attention = None

EPSILON = 1e-6


def rms_norm(x, gamma):
    """Zero-centred RMSNorm over the last axis: (1 + gamma) * x / rms(x)."""
    h = x.float()
    h = h * torch.rsqrt(h.square().mean(-1, keepdim=True) + EPSILON)
    return ((1 + gamma) * h).to(x.dtype)


def linear(x, weight, quantized):
    return quantized_linear(x, weight) if quantized else F.linear(x, weight.to(x.dtype))


def rope_tables(positions, head_dim, theta):
    """positions (B, T) -> cos, sin (B, 1, T, head_dim / 2) float32."""
    half = head_dim // 2
    steps = torch.arange(half, device=positions.device, dtype=torch.float32) / half
    angles = positions[..., None].float() * (theta ** -steps)
    return angles.cos()[:, None], angles.sin()[:, None]


def rotate(x, rope):
    """Rotary embedding on the two halves of each head; x (B, H, T, D)."""
    if rope is None:
        return x
    cos, sin = rope
    a, b = x.float().chunk(2, -1)
    return torch.cat((a * cos - b * sin, b * cos + a * sin), -1).to(x.dtype)


def attend_math(q, k, v, mask, quantized):
    """q (B, H, Q, D), k and v (B, G, K, D), mask (B, 1, Q, K) bool -> (B, H, Q, D)."""
    batch, heads, q_len, dim = q.shape
    groups = k.shape[1]
    q = q.reshape(batch, groups, heads // groups, q_len, dim)
    if quantized:
        q, q_scale = quantize_rows(q)
        k, k_scale = quantize_rows(k[:, :, None])
        v, v_scale = quantize_rows(v[:, :, None])
        scores = (q @ k.transpose(-1, -2)) * q_scale * k_scale.transpose(-1, -2)
    else:
        k, v = k[:, :, None], v[:, :, None]
        scores = (q @ k.transpose(-1, -2)).float()
    scores = (scores / math.sqrt(dim)).masked_fill(~mask[:, :, None], -math.inf)
    weights = scores.softmax(-1)
    if quantized:
        weights, scale = quantize_rows(weights * v_scale.transpose(-1, -2))
        mixed = (weights @ v) * scale
    else:
        mixed = weights.to(v.dtype) @ v
    return mixed.reshape(batch, heads, q_len, dim)


def attend(q, k, v, mask, kind, quantized):
    """Grouped-query attention. "flex" and "sdpa" leave the attention probabilities unquantized:
    they serve training, where the full emulation would need a (Q, K) matrix a head."""
    if kind == "math":
        return attend_math(q, k, v, mask, quantized).to(q.dtype)
    if quantized:
        q, k, v = fake_quantize(q), fake_quantize(k), fake_quantize(v)
    if kind == "flex":
        return flex_attention(q, k, v, block_mask=mask, enable_gqa=True)
    repeats = q.shape[1] // k.shape[1]
    k, v = (t.repeat_interleave(repeats, 1) for t in (k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask)


def split_heads(x, head_dim):
    """(B, T, H * D) -> (B, H, T, D)"""
    return x.view(*x.shape[:2], -1, head_dim).transpose(1, 2)


def merge_heads(x):
    return x.transpose(1, 2).reshape(x.shape[0], x.shape[2], -1)


class Block(NamedTuple):
    """The tensors of one attention sublayer. The functions below take them and not the module,
    so that one compiled function serves every layer."""

    norm: torch.Tensor  # (d,)
    q: torch.Tensor  # (H * D, d)
    k: torch.Tensor  # (G * D, d)
    v: torch.Tensor  # (G * D, d)
    o: torch.Tensor  # (d, H * D)
    q_norm: torch.Tensor  # (D,)
    k_norm: torch.Tensor  # (D,)
    gate: torch.Tensor  # (1,)


def queries(block, h, rope, quantized):
    q = split_heads(linear(h, block.q, quantized), block.q_norm.shape[0])
    return rotate(rms_norm(q, block.q_norm), rope)


def keys_values(block, h, rope, quantized):
    """Keys and values (B, G, T, D) of h, one matrix product for both."""
    both = linear(h, torch.cat((block.k, block.v)), quantized)
    k, v = (split_heads(t, block.k_norm.shape[0]) for t in both.chunk(2, -1))
    return rotate(rms_norm(k, block.k_norm), rope), v


def drop(x, rate):
    """Dropout (Srivastava et al., 2014). The rate is a tensor, 0 in validation, so that one compiled
    function serves both; None: no dropout in this stage at all."""
    return x if rate is None else x * ((torch.rand_like(x) >= rate) / (1 - rate)).to(x.dtype)


def join(block, x, mixed, quantized, dropout=None):
    """x + sigmoid(gate) * output projection of the mixed heads."""
    update = drop(linear(merge_heads(mixed), block.o, quantized), dropout)
    return x + torch.sigmoid(block.gate).to(x.dtype) * update


def self_attention(block, x, rope, mask, kind, quantized, dropout=None):
    h = rms_norm(x, block.norm)
    k, v = keys_values(block, h, rope, quantized)
    mixed = attend(queries(block, h, rope, quantized), k, v, mask, kind, quantized)
    return join(block, x, mixed, quantized, dropout)


def cross_attention(block, x, k, v, mask, kind, quantized, dropout=None):
    q = queries(block, rms_norm(x, block.norm), None, quantized)
    return join(block, x, attend(q, k, v, mask, kind, quantized), quantized, dropout)


def decoder_layer(blocks, x, memory, rope, self_mask, cross_mask, kind, quantized, dropout=None):
    x = self_attention(blocks[0], x, rope, self_mask, kind, quantized, dropout)
    k, v = keys_values(blocks[1], memory, None, quantized)
    return cross_attention(blocks[1], x, k, v, cross_mask, kind, quantized, dropout)


class Attention(nn.Module):
    """Parameters of one sublayer: x + sigmoid(gate) * attention(norm(x))."""

    def __init__(self, cfg):
        super().__init__()
        d, kv = cfg.d_model, cfg.num_kv_heads * cfg.head_dim
        self.norm = nn.Parameter(torch.zeros(d))
        for name, rows in (("q", d), ("k", kv), ("v", kv), ("o", d)):
            setattr(self, name, nn.Parameter(torch.randn(rows, d) / math.sqrt(d)))
        self.q_norm = nn.Parameter(torch.zeros(cfg.head_dim))
        self.k_norm = nn.Parameter(torch.zeros(cfg.head_dim))
        self.gate = nn.Parameter(torch.zeros(1))

    def block(self):
        return Block(*(getattr(self, name) for name in Block._fields))


class Layer(nn.Module):
    def __init__(self, cfg, sublayers):
        super().__init__()
        for name in sublayers:
            self.add_module(name, Attention(cfg))


class Stack(nn.Module):
    """Layers named "0", "1", ... and a final norm."""

    def __init__(self, cfg, count, sublayers):
        super().__init__()
        for i in range(count):
            self.add_module(str(i), Layer(cfg, sublayers))
        self.norm = nn.Parameter(torch.zeros(cfg.d_model))
        self.count = count

    def __iter__(self):
        return (getattr(self, str(i)) for i in range(self.count))


class Head(nn.Module):
    """Contrastive head: Dense(d / 4), ReLU, Dense(contrastive_dim), unit length."""

    def __init__(self, cfg):
        super().__init__()
        d, inner = cfg.d_model, cfg.d_model // 4
        self.hidden = nn.Parameter(torch.randn(inner, d) / math.sqrt(d))
        self.hidden_bias = nn.Parameter(torch.zeros(inner))
        self.output = nn.Parameter(torch.randn(cfg.contrastive_dim, inner) / math.sqrt(inner))

    def forward(self, pooled, quantized):
        h = torch.relu(linear(pooled, self.hidden, quantized) + self.hidden_bias)
        y = linear(h, self.output, quantized)
        return y * torch.rsqrt(y.square().sum(-1, keepdim=True) + 1e-12)


class SAN(nn.Module):
    """`encoder_layer`, `decoder_layer` and `final_norm` (functions of this module) may be replaced
    by compiled versions of themselves."""

    def __init__(self, cfg):
        super().__init__()
        self.cfg = cfg
        self.embedding = nn.Parameter(torch.randn(cfg.vocab_size, cfg.d_model)
                                      / math.sqrt(cfg.d_model))
        self.encoder = Stack(cfg, cfg.num_encoder_layers, ["self"])
        self.decoder = Stack(cfg, cfg.num_decoder_layers, ["self", "cross"])
        self.head = Head(cfg)
        self.attention, self.quantized, self.compute_dtype = "math", False, torch.float32
        self.dropout = None  # of what each sublayer adds: a tensor (), see drop()
        self.encoder_layer, self.decoder_layer = self_attention, decoder_layer
        self.final_norm = rms_norm

    def rope(self, positions):
        return rope_tables(positions, self.cfg.head_dim, self.cfg.rope_theta)

    def embed(self, tokens):
        table = fake_quantize(self.embedding) if self.quantized else self.embedding
        return (F.embedding(tokens, table) * math.sqrt(self.cfg.d_model)).to(self.compute_dtype)

    def encode(self, tokens, positions, mask):
        """tokens, positions (B, T) -> encoder states (B, T, d)."""
        x, rope = self.embed(tokens), self.rope(positions)
        for layer in self.encoder:
            x = self.encoder_layer(layer.self.block(), x, rope, mask, self.attention,
                                   self.quantized, self.dropout)
        return self.final_norm(x, self.encoder.norm)

    def decode(self, tokens, positions, memory, self_mask, cross_mask):
        """Teacher-forced decoder states (B, D, d)."""
        x, rope = self.embed(tokens), self.rope(positions)
        for layer in self.decoder:
            blocks = layer.self.block(), layer.cross.block()
            x = self.decoder_layer(blocks, x, memory, rope, self_mask, cross_mask,
                                   self.attention, self.quantized, self.dropout)
        return self.final_norm(x, self.decoder.norm)

    def logits(self, hidden):
        return linear(hidden, self.embedding, self.quantized)

    def contrastive(self, pooled):
        """Mean-pooled encoder states (..., d) -> unit vectors (..., contrastive_dim), float32."""
        return self.head(pooled.float(), self.quantized)
