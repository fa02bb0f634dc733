"""Memory formats of feature maps."""

from typing import Any

import torch
from torch import Tensor

from ..ops import is_recording


def in_format_of(x: Tensor, y: Tensor) -> Tensor:
    """`y` in the memory format of `x`, channels-last or contiguous, so that the choice is left to the network.

    Otherwise a network that computes in the contiguous format would continue in channels-last after a plugged-in layer,
    and hand maps to heads that call `view`, or to compiled operators that read memory without regard to strides.

    Shape:
        x and y (N, C, H, W) -> (N, C, H, W).
    """
    return y.contiguous(memory_format=_format(x))


def gradient_in_format_of(x: Tensor) -> Tensor:
    """`x`, whose gradient is brought into its memory format, whatever the operators behind it return.

    A gradient in the other format slows down every operator in front of it that meets both: several times, on CPUs.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """
    return _GradientInFormat.apply(x) if x.requires_grad and torch.is_grad_enabled() else x


def contiguous_map(x: Tensor) -> Tensor:
    """``x.contiguous()`` for a feature map that a network goes on computing with: gradients come back in its format.

    A contiguous gradient would meet channels-last ones at every residual connection of the network.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """
    return (x if is_recording() else gradient_in_format_of(x)).contiguous()


def _format(x: Tensor) -> torch.memory_format:
    return torch.channels_last if x.is_contiguous(memory_format=torch.channels_last) else torch.contiguous_format


class _GradientInFormat(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.format = _format(x)
        return x.view_as(x)

    @staticmethod
    def backward(ctx: Any, dx: Tensor) -> Tensor:
        return dx.contiguous(memory_format=ctx.format)
