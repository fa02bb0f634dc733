"""Dilated depthwise convolution, in a form that is fast on CPUs."""

import torch.nn.functional as F
from torch import Tensor

from .depthwise import depthwise_conv2d
from .recording import is_exporting


def dilated_depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """Depthwise convolution of odd size and any dilation, padded to keep the height and width.

    A convolution of dilation d only mixes pixels whose rows and columns differ by multiples of d: it is a plain
    convolution on each of the d x d interleaved sub-grids. CPUs have fast kernels only for plain depthwise
    convolutions. So there, except on small maps, the sub-grids become a batch. The values are the same.

    Shape:
        x (N, C, H, W), weight (C, 1, k, k), bias (C,) or None -> (N, C, H, W).
    """
    channels, size = x.shape[1], weight.shape[-1]
    reach = size // 2 * dilation
    # On a map smaller than the kernel the sub-grids are mostly padding, and nothing is gained. An exported file gets
    # the single operator, whatever will run it.
    if is_exporting() or x.device.type != 'cpu' or x.shape[2] < size or x.shape[3] < size:
        return F.conv2d(x, weight, bias, padding=reach, dilation=dilation, groups=channels)
    y = depthwise_conv2d(_split(x, dilation), weight, bias)
    return _join(y, dilation)[..., : x.shape[2], : x.shape[3]]


def _split(x: Tensor, d: int) -> Tensor:
    """(N, C, H, W) -> (N d d, C, ceil(H / d), ceil(W / d)), padded with zeros; channels-last in memory."""
    n, c, h, w = x.shape
    x = F.pad(x, (0, -w % d, 0, -h % d))
    h, w = x.shape[2] // d, x.shape[3] // d
    x = x.reshape(n, c, h, d, w, d).permute(0, 3, 5, 2, 4, 1)
    return x.reshape(n * d * d, h, w, c).permute(0, 3, 1, 2)


def _join(x: Tensor, d: int) -> Tensor:
    """The inverse of :func:`_split`, except that the padding stays."""
    n, c, h, w = x.shape
    x = x.permute(0, 2, 3, 1).reshape(n // (d * d), d, d, h, w, c).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(n // (d * d), h * d, w * d, c).permute(0, 3, 1, 2)
