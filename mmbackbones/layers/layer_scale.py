"""Layer scale, applied where it costs least."""

import torch.nn.functional as F
from mmcv.cnn.bricks.scale import LayerScale
from torch import Tensor, nn


def scaled_conv(conv: nn.Conv2d, scale: LayerScale, x: Tensor) -> Tensor:
    """``scale(conv(x))``, by a convolution with the scaled weight.

    The weight of a 1x1 convolution is smaller than the map, so this saves reading and writing the map, forward and
    backward, and keeping it for the gradient of the scale. Equal up to rounding. Under autocast the result has the type
    of the convolution, which a float32 scale would change.

    Shape:
        (N, C_in, H, W) -> (N, C, H, W).
    """
    factor = scale.weight
    bias = None if conv.bias is None else conv.bias * factor
    weight = conv.weight * factor.view(-1, 1, 1, 1)
    return F.conv2d(x, weight, bias, conv.stride, conv.padding, conv.dilation, conv.groups)
