"""Memory formats of feature maps."""

import torch
from torch import Tensor


def in_format_of(x: Tensor, y: Tensor) -> Tensor:
    """`y` in the memory format of `x`, channels-last or contiguous, so that the choice is left to the network.

    Otherwise a network that computes in the contiguous format would continue in channels-last after a plugged-in layer,
    and hand maps to heads that call `view`, or to compiled operators that read memory without regard to strides.

    Shape:
        x and y (N, C, H, W) -> (N, C, H, W).
    """
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return y.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
