"""Dilated depthwise convolution in the form that is fast on CPUs."""

import torch.nn.functional as F
from torch import Tensor

from .recording import is_exporting


def dilated_depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """A depthwise convolution of odd size and any dilation that keeps the height and width.

    A convolution of dilation d never mixes pixels whose rows or columns differ by anything but multiples of d: it is a
    plain convolution on each of the d x d interleaved sub-grids. CPUs have fast kernels for plain depthwise
    convolutions only, so there, on maps large enough to matter, the sub-grids become a batch. The values are the same.

    Shapes:
        x: (N, C, H, W); weight: (C, 1, k, k); bias: (C,) or None -> (N, C, H, W).
    """
    channels, size = x.shape[1], weight.shape[-1]
    reach = size // 2 * dilation
    # On a map smaller than the kernel the sub-grids are hardly more than padding, and nothing is gained. Exported, it
    # is the one operator that it is, for whatever runs the file.
    if is_exporting() or x.device.type != 'cpu' or x.shape[2] < size or x.shape[3] < size:
        return F.conv2d(x, weight, bias, padding=reach, dilation=dilation, groups=channels)
    y = F.conv2d(_split(x, dilation), weight, bias, padding=size // 2, groups=channels)
    return _join(y, dilation)[..., : x.shape[2], : x.shape[3]]


def _split(x: Tensor, d: int) -> Tensor:
    """(N, C, H, W) -> (N d d, C, ceil(H / d), ceil(W / d)), zeros filling up; channels-last in memory."""
    n, c, h, w = x.shape
    x = F.pad(x, (0, -w % d, 0, -h % d))
    h, w = x.shape[2] // d, x.shape[3] // d
    x = x.reshape(n, c, h, d, w, d).permute(0, 3, 5, 2, 4, 1)
    return x.reshape(n * d * d, h, w, c).permute(0, 3, 1, 2)


def _join(x: Tensor, d: int) -> Tensor:
    """The inverse of :func:`_split`, but for the filling."""
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n // (d * d), d, d, h, w, c).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(n // (d * d), h * d, w * d, c).permute(0, 3, 1, 2)
