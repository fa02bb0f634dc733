"""Feature maps in the contiguous format, whose gradients come back in the format that the network computes in."""

from typing import Any

import torch
from torch import Tensor

from .recording import is_recording


def contiguous_map(x: Tensor) -> Tensor:
    """``x.contiguous()`` for a feature map that a network goes on computing with.

    Autograd hands a gradient on in the format in which it arrives. A contiguous one would meet channels-last gradients
    at every residual connection of the network, each of which then mixes both formats: several times as slow. So the
    gradient gets the format of `x` once, here.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """
    if is_recording() or not x.requires_grad or x.is_contiguous():
        return x.contiguous()
    return _ContiguousMap.apply(x)


class _ContiguousMap(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        return x.contiguous()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad.contiguous(memory_format=torch.channels_last)
