"""The one quantizer: INT8, symmetric, one scale a row, as src/kernels/kernels.h and js/pack do it.

Every step in float32: max = max|x| of the row, scale = max / 127, code = round_half_even(x * (127 / max)); a row whose
max is below TINY has scale 0 and codes 0. Rounding passes gradients straight through (Bengio et al., 2013); scales are
constants to autograd.
"""
import numpy as np
import torch

TINY = 1e-30  # kTiny of src/kernels/kernels.h


def quantize_rows(x):
    """x (..., n) -> (values (..., n) float32 holding integers in -127..127, scale (..., 1))."""
    x = x.float()
    largest = x.detach().abs().amax(-1, keepdim=True)
    used, top = largest >= TINY, torch.full_like(largest, 127)  # 127 / tensor would multiply by a reciprocal
    inverse = (top / largest.clamp_min(TINY)) * used
    scaled = x * inverse
    return scaled.detach().round() + (scaled - scaled.detach()), (largest / top) * used


@torch.no_grad()
def round_at_random(x, generator):
    """x (rows, n) on the grid of its own codes, up or down by the chance that keeps its mean (Gupta et al., 2015). Rounding to
    the nearest code would lose what a few small steps change in weights that come from codes."""
    step = x.abs().amax(-1, keepdim=True).clamp_min(TINY) / 127
    return torch.floor(x / step + torch.rand(x.shape, generator=generator)) * step


def fake_quantize(x):
    """x rounded to its INT8 grid, in x's own type."""
    values, scale = quantize_rows(x)
    return (values * scale).to(x.dtype)


def quantized_linear(x, weight):
    """x (..., in), weight (out, in): both quantized by rows, integers multiplied, then scaled."""
    values, scale = quantize_rows(x)
    weight_values, weight_scale = quantize_rows(weight)
    y = torch.nn.functional.linear(values.to(x.dtype), weight_values.to(x.dtype))
    return (y.float() * (scale * weight_scale.squeeze(-1))).to(x.dtype)


def quantize_array(weight):
    """numpy float32 (rows, n) -> (int8 (rows, n), float32 scale (rows,))."""
    values, scale = quantize_rows(torch.from_numpy(np.array(weight, np.float32)))
    return values.to(torch.int8).numpy(), scale.squeeze(-1).numpy()
