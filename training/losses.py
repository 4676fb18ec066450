"""Losses over a batch of packed rows, and the preparation of its tensors."""
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F

from . import masks
from .config import QUERY_SEGMENT, UNK
from .model import linear

SLOTS = 48  # tools, and queries, in a row


@dataclass
class Prepared:
    """A batch on the device; encoder tensors have `extra` more rows, a copy of the first ones in
    which queries see no tool (for retrieval)."""

    batch: dict
    enc_tok: torch.Tensor
    enc_seg: torch.Tensor
    enc_pos: torch.Tensor
    dec_pos: torch.Tensor
    enc_mask: Any
    dec_mask: Any
    cross_mask: Any


def positions(segments):
    """(B, T) segment ids -> index of each token in its run of equal ids."""
    steps = torch.arange(segments.shape[1], device=segments.device).expand_as(segments)
    starts = torch.ones_like(segments, dtype=torch.bool)
    starts[:, 1:] = segments[:, 1:] != segments[:, :-1]
    return steps - torch.where(starts, steps, torch.zeros_like(steps)).cummax(1).values


def make_mask(relation, kind, dtype, count_blocks):
    if kind == "math":
        return masks.dense_mask(relation)
    if kind == "sdpa":
        return masks.bias_mask(relation, dtype)
    return masks.block_mask(relation, count_blocks)


@torch.no_grad()
def drop_tool_pieces(batch, share):
    """The batch with `share` of its tool pieces read as <unk>; pieces that the row's answers hold stay."""
    tokens, segments, target = batch["enc_tok"], batch["enc_seg"], batch["dec_tgt"]
    held = torch.zeros(len(tokens), 1 << 16, dtype=torch.bool, device=tokens.device)
    held.scatter_(1, target, True)
    tool = (segments > 0) & (segments < QUERY_SEGMENT)
    drop = tool & ~held.gather(1, tokens) & (torch.rand(tokens.shape, device=tokens.device) < share)
    return {**batch, "enc_tok": tokens.masked_fill(drop, UNK)}


@torch.no_grad()
def prepare(batch, extra, kind, dtype, count_blocks=masks.count_blocks):
    """batch: int64 tensors of a Loader -> Prepared, with masks for attention `kind`."""
    seg, vis = batch["enc_seg"], batch["vis"]
    enc_seg = torch.cat((seg, seg[:extra]))
    enc_vis = torch.cat((vis, torch.zeros_like(vis[:extra])))
    relations = (masks.encoder_relation(enc_seg, enc_vis), masks.decoder_relation(batch["dec_seg"]),
                 masks.cross_relation(batch["dec_seg"], seg, vis))
    return Prepared(
        batch, torch.cat((batch["enc_tok"], batch["enc_tok"][:extra])), enc_seg,
        positions(enc_seg), positions(batch["dec_seg"]),
        *(make_mask(r, kind, dtype, count_blocks) for r in relations))


def forward(model, p):
    """-> encoder states (B + extra, T, d), decoder states (B, D, d)"""
    states = model.encode(p.enc_tok, p.enc_pos, p.enc_mask)
    memory = states[:p.dec_pos.shape[0]]
    return states, model.decode(p.batch["dec_tok"], p.dec_pos, memory, p.dec_mask, p.cross_mask)


def token_loss(hidden, embedding, target, quantized):
    """Sum of cross entropies where target is not 0."""
    logits = linear(hidden, embedding, quantized).float()
    return F.cross_entropy(logits.flatten(0, -2), target.flatten(), ignore_index=0,
                           reduction="sum")


def pool_segments(states, segments):
    """Mean state of each segment: (R, T, d), (R, T) -> (R, 2 * SLOTS, d) tools then queries, and
    token counts (R, 2 * SLOTS)."""
    tools = torch.arange(1, SLOTS + 1, device=segments.device)
    ids = torch.cat((tools, tools + QUERY_SEGMENT))
    member = (segments[:, None, :] == ids[None, :, None]).float()
    count = member.sum(-1)
    return member @ states.float() / count.clamp_min(1)[..., None], count


def bits(words):
    """(..., n) int64 -> (..., n, SLOTS) bool"""
    return (words[..., None] >> torch.arange(SLOTS, device=words.device)) & 1 == 1


def tool_keys(tokens, segments, position):
    """A hash of each tool's text (R, SLOTS): equal tools in a batch are not negatives."""
    mixed = (tokens + 1) * (position * 2654435761 + 40503) % 1000003
    tools = torch.arange(1, SLOTS + 1, device=segments.device)
    member = segments[:, None, :] == tools[None, :, None]
    return (member * mixed[:, None, :]).sum(-1)


def contrastive_loss(model, states, p, temperature):
    """InfoNCE of each query against all tools of the extra rows; called tools are positives."""
    extra = states.shape[0]
    segments, tokens = p.enc_seg[-extra:], p.enc_tok[-extra:]
    pooled, count = pool_segments(states, segments)
    vectors = model.contrastive(pooled)
    tools, asked = (v.flatten(0, 1) for v in vectors.split(SLOTS, 1))
    exists = (count[:, :SLOTS] > 0).flatten()
    keys = tool_keys(tokens, segments, p.enc_pos[-extra:]).flatten()
    positive = torch.block_diag(*bits(p.batch["gold"][:extra]).float())  # (E * 48, E * 48)
    same = (keys[:, None] == keys[None, :]).float()
    allowed = exists[None, :] & ((positive @ same) == 0)
    scores = asked @ tools.T / temperature
    others = scores.masked_fill(~allowed, -1e4).logsumexp(1, keepdim=True)
    loss = F.softplus(others - scores) * positive
    return loss.sum() / positive.sum().clamp_min(1)


@torch.no_grad()
def exact_answers(model, hidden, p):
    """Per answer of the batch: is every token the argmax? Greedy decoding would then write it."""
    seg, target = p.batch["dec_seg"], p.batch["dec_tgt"]
    wrong = torch.cat([
        (model.logits(h).argmax(-1) != t) & (t != 0) for h, t in zip(hidden, target)
    ]).view_as(seg)
    asked = torch.zeros(len(seg), SLOTS + 1, device=seg.device)
    missed = asked.scatter_add(1, seg, wrong.float())
    asked.scatter_add_(1, seg, (target != 0).float())
    present = asked[:, 1:] > 0
    return (missed[:, 1:] == 0) & present, present
