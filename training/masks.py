"""Attention masks of packed rows, from segment ids and visibility bits.

Token q sees token k if both lie in the same segment, or if k belongs to a tool that q's query may
see; a decoder also looks only backwards. Padding is a segment of its own, so that no row of a
mask is empty. One description (`Relation`) becomes a dense mask or a FlexAttention block mask.
"""
from dataclasses import dataclass

import torch

from .config import QUERY_SEGMENT

BLOCK = 128  # FlexAttention's sparse block; row lengths are multiples of it on a GPU


@dataclass
class Relation:
    """Who sees whom: q_segment, q_visible (B, Q) and k_segment, k_bit (B, K), all int64."""

    q_segment: torch.Tensor
    q_visible: torch.Tensor
    k_segment: torch.Tensor
    k_bit: torch.Tensor
    causal: bool = False


def allowed(q_segment, q_visible, k_segment, k_bit, causal):
    """Dense mask (B, Q, K) of a relation, True where q sees k."""
    same = q_segment[:, :, None] == k_segment[:, None, :]
    seen = (q_visible[:, :, None] & k_bit[:, None, :]) != 0
    mask = same | seen
    if causal:
        steps = torch.arange(mask.shape[1], device=mask.device)
        mask = mask & (steps[:, None] >= steps[None, :])
    return mask


def tool_bits(enc_seg):
    """(B, T) -> bit k-1 for the tokens of tool k, 0 elsewhere."""
    is_tool = (enc_seg > 0) & (enc_seg < QUERY_SEGMENT)
    shift = torch.where(is_tool, enc_seg - 1, torch.zeros_like(enc_seg))
    return torch.where(is_tool, torch.ones_like(enc_seg) << shift, torch.zeros_like(enc_seg))


def visible_bits(query, vis):
    """query (B, N) in 0..48, vis (B, 48) -> the bits of the tools that each token's query sees."""
    return torch.nn.functional.pad(vis, (1, 0)).gather(1, query)


def encoder_relation(enc_seg, vis):
    query = (enc_seg - QUERY_SEGMENT).clamp_min(0)
    return Relation(enc_seg, visible_bits(query, vis), enc_seg, tool_bits(enc_seg))


def cross_relation(dec_seg, enc_seg, vis):
    first = enc_seg[:, :1].expand_as(dec_seg)  # padding looks at any segment that exists
    q_segment = torch.where(dec_seg > 0, dec_seg + QUERY_SEGMENT, first)
    return Relation(q_segment, visible_bits(dec_seg, vis), enc_seg, tool_bits(enc_seg))


def decoder_relation(dec_seg):
    zero = torch.zeros_like(dec_seg)
    return Relation(dec_seg, zero, dec_seg, zero, causal=True)


def dense_mask(relation):
    """(B, 1, Q, K) bool."""
    r = relation
    return allowed(r.q_segment, r.q_visible, r.k_segment, r.k_bit, r.causal)[:, None]


def bias_mask(relation, dtype):
    """(B, 1, Q, K): 0 where seen, -inf elsewhere; for scaled_dot_product_attention."""
    mask = dense_mask(relation)
    return torch.zeros(mask.shape, dtype=dtype, device=mask.device).masked_fill(~mask, -torch.inf)


def count_blocks(q_segment, q_visible, k_segment, k_bit, causal):
    """Pairs allowed in each (BLOCK x BLOCK) tile: (B, Q / BLOCK, K / BLOCK) int32."""
    mask = allowed(q_segment, q_visible, k_segment, k_bit, causal)
    batch, q_len, k_len = mask.shape
    tiles = mask.view(batch, q_len // BLOCK, BLOCK, k_len // BLOCK, BLOCK)
    return tiles.sum((2, 4), dtype=torch.int32)


def mask_function(relation):
    r = relation
    if r.causal:
        segment = r.q_segment

        def causal_mod(b, h, q, k):
            return (segment[b, q] == segment[b, k]) & (q >= k)
        return causal_mod
    q_segment, q_visible, k_segment, k_bit = r.q_segment, r.q_visible, r.k_segment, r.k_bit

    def segment_mod(b, h, q, k):
        same = q_segment[b, q] == k_segment[b, k]
        return same | ((q_visible[b, q] & k_bit[b, k]) != 0)
    return segment_mod


def block_mask(relation, count=count_blocks):
    """The relation as a FlexAttention BlockMask; `count` may be a compiled count_blocks."""
    from torch.nn.attention.flex_attention import BlockMask
    r = relation
    tiles = count(r.q_segment, r.q_visible, r.k_segment, r.k_bit, r.causal)[:, None]
    full = tiles == BLOCK * BLOCK
    partial = (tiles > 0) & ~full
    return BlockMask.from_kv_blocks(
        *_ordered(partial), *_ordered(full), BLOCK_SIZE=BLOCK, mask_mod=mask_function(r),
        seq_lengths=(r.q_segment.shape[1], r.k_segment.shape[1]))


def _ordered(tiles):
    """(B, 1, nQ, nK) bool -> how many tiles each block row needs, and which, those first."""
    order = torch.argsort(tiles.to(torch.int8), dim=-1, descending=True, stable=True)
    return tiles.sum(-1).to(torch.int32), order.to(torch.int32).contiguous()
