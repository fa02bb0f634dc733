"""Local attention's forms on a device."""

from functools import partial

import torch
from torch import Tensor

from ...ops.local_attention import local_attention
from ..measure import Step

# Channels of each of 8 heads, height, width: stages 1 to 4 for 800 x 1216 pixels, and stage 4 for 224 x 224.
MAPS = ((8, 200, 304), (16, 100, 152), (32, 50, 76), (64, 25, 38), (64, 7, 7))


def local_attention_step(
    impl: str, device: str, dtype: torch.dtype, batch: int, channels: int, height: int, width: int
) -> Step:
    """Forward and backward of local attention with 8 heads and windows of 7 x 7."""
    torch.manual_seed(0)
    shape = batch, 8, channels, height, width
    inputs = [torch.randn(shape, device=device, dtype=dtype, requires_grad=True) for _ in range(3)]
    inputs += [torch.randn(8, channels // 2, 7, device=device, requires_grad=True) for _ in range(2)]
    return partial(_forward_and_backward, impl, inputs, torch.randn(shape, device=device, dtype=dtype))


def _forward_and_backward(impl: str, inputs: list[Tensor], dy: Tensor) -> None:
    q, k, v, rel_row, rel_col = inputs
    torch.autograd.grad(local_attention(q, k, v, rel_row, rel_col, impl=impl), inputs, dy)
