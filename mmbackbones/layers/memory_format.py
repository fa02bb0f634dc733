"""Memory formats of feature maps."""

import torch
from torch import Tensor


def in_format_of(x: Tensor, y: Tensor) -> Tensor:
    """`y` in the memory format of `x`, channels-last or contiguous, so that a layer leaves that choice to its network.

    A network that computes in the contiguous format would otherwise go on in channels-last behind a plugged-in layer,
    and hand maps to heads that call `view`, or to compiled operators that read memory without a look at the strides.

    Shapes: (N, C, H, W) both.
    """
    channels_last = x.is_contiguous(memory_format=torch.channels_last)
    return y.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)
