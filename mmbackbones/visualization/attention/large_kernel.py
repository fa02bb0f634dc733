"""The gate of large kernel attention: VAN."""

import torch.nn.functional as F
from torch import Tensor

from ...layers import LargeKernelAttention
from .weights import Place, Values


def gate(layer: LargeKernelAttention, place: Place, x: Tensor) -> list[Values]:
    """What the layer multiplies each pixel of its input by: the paper's attention, from its three convolutions.

    It has a value for every pixel and channel, of either sign; there is no softmax, so nothing adds up to 1.
    """
    wide = layer.dw_d_conv
    attention = F.conv2d(layer.dw_conv(x), wide.weight, wide.bias, 1, wide.padding, wide.dilation, groups=wide.groups)
    return [Values('gate', layer.pw_conv(attention)[0], cell=(place.stride, place.stride))]
