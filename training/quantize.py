"""The one quantizer: INT8, symmetric, one scale a row, as the kernels do it (src/kernels).

scale = max|x| / 127 over the row, value = round_half_even(x / scale); a row of zeros has scale 0.
Rounding passes gradients straight through (Bengio et al., 2013); scales are constants to autograd.
"""
import numpy as np
import torch


def quantize_rows(x):
    """x (..., n) -> (values (..., n) float32 holding integers in -127..127, scale (..., 1))."""
    x = x.float()
    scale = x.detach().abs().amax(-1, keepdim=True) / 127
    scaled = x / torch.where(scale > 0, scale, torch.ones_like(scale))
    return scaled.detach().round() + (scaled - scaled.detach()), scale


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
    """numpy float32 (rows, n) -> (int8 (rows, n), float32 scale (rows,)); the packer's rule."""
    values, scale = quantize_rows(torch.from_numpy(np.ascontiguousarray(weight)))
    return values.to(torch.int8).numpy(), scale.squeeze(-1).numpy()
