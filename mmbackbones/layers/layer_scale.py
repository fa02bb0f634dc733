"""Layer scale that keeps the precision of a branch on CPUs, and costs little there."""

from typing import cast

import torch
import torch.nn.functional as F
from mmcv.cnn.bricks.scale import LayerScale as _LayerScale
from torch import Tensor, nn

from ..ops import linear_pointwise
from ..ops.linear import trained_conv1x1, trained_linear
from ..ops.plain_layers import is_plain, is_watched
from ..ops.pointwise import trains_by_products


class LayerScale(_LayerScale):
    """One learned factor for each channel, "Going deeper with Image Transformers", https://arxiv.org/abs/2103.17239.

    mmcv's layer, of which it has arguments, weight and values. Under autocast on a CPU it returns bfloat16 for
    bfloat16, where mmcv's float32 weight would turn the branch and the sum after it, and with that the input of all
    norms and convolutions that follow, into float32. GPUs keep float32, which costs them no time (docs/gpu.md).
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != 'cpu':
            return super().forward(x)
        weight = self.weight.to(x.dtype)
        return x * (weight[:, None, None] if self.data_format == 'channels_first' else weight)


def scaled_conv1x1(conv: nn.Conv2d, scale: LayerScale, x: Tensor) -> Tensor:
    """``scale(conv(x))`` for a 1x1 convolution, by a convolution with the scaled weight.

    A weight is smaller than a map: this saves reading and writing the map, forward and backward, and keeping it for the
    gradient of the scale. Equal up to rounding. Under autocast the result has the type that :class:`LayerScale` gives.

    Shape:
        (N, C_in, H, W) -> (N, C, H, W).
    """
    if x.device.type != 'cpu' or not _multiply_only(conv, scale):
        return scale(conv(x))
    factor = scale.weight
    weight = conv.weight * factor.view(-1, 1, 1, 1)
    bias = None if conv.bias is None else conv.bias * factor
    if trains_by_products(x, weight, bias) and x.is_contiguous(memory_format=torch.channels_last):
        return trained_conv1x1(x, weight, bias)
    return F.conv2d(x, weight, bias)


def scaled_linear(linear: nn.Linear, scale: nn.Module | None, x: Tensor) -> Tensor:
    """``scale(linear(x))`` for a linear layer, as :func:`scaled_conv1x1`.

    Args:
        linear: The linear layer.
        scale: A :class:`LayerScale`; None, or an identity where it is folded into `linear`, for none.
        x: The input.

    Shape:
        (..., C_in) -> (..., C).
    """
    if scale is None or isinstance(scale, nn.Identity):
        return linear_pointwise(linear, x)
    if x.device.type != 'cpu' or not _multiply_only(linear, scale):
        return scale(linear(x))
    factor = cast(LayerScale, scale).weight
    weight = linear.weight * factor[:, None]
    bias = None if linear.bias is None else linear.bias * factor
    if trains_by_products(x, weight, bias):
        return trained_linear(x, weight, bias)
    return F.linear(x, weight, bias)


def _multiply_only(layer: nn.Module, scale: nn.Module) -> bool:
    """Whether nobody has put something else in the place of the two, or looks at what goes through them."""
    return is_plain(layer) and type(scale) is LayerScale and not is_watched(scale)
