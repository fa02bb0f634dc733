"""Depthwise convolution as a module."""

from torch import Tensor, nn

from ..ops import depthwise_conv2d, dilated_depthwise_conv2d


class DepthwiseConv2d(nn.Conv2d):
    """Depthwise convolution that keeps the size, through the operators that are fast on CPUs.

    It is a convolution of PyTorch for whatever looks at modules: initialization, counting, fusing, state dicts.

    Args:
        channels: Number of channels C.
        kernel_size: Kernel size, odd.
        dilation: Distance of the pixels that one output reads.
        bias: Whether it has a bias.

    Attributes:
        is_plain (bool): It computes the convolution of its weight, unlike subclasses that change the weight first.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """

    is_plain = True

    def __init__(self, channels: int, kernel_size: int, dilation: int = 1, bias: bool = True) -> None:
        padding = kernel_size // 2 * dilation
        super().__init__(channels, channels, kernel_size, 1, padding, dilation, groups=channels, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        if self.dilation[0] > 1:
            return dilated_depthwise_conv2d(x, self.weight, self.bias, self.dilation[0])
        return depthwise_conv2d(x, self.weight, self.bias)
