"""Large kernel attention of VAN, "Visual Attention Network", https://arxiv.org/abs/2202.09741."""

from math import ceil

from mmengine.registry import MODELS
from torch import Tensor, nn

from ..ops import conv_pointwise
from .depthwise import DepthwiseConv2d
from .memory_format import in_format_of


@MODELS.register_module(name=['LargeKernelAttention', 'LKA'])
class LargeKernelAttention(nn.Module):
    """Large kernel attention, LKA (Section 3.1, Equation 1): ``LKA(F) = Conv1x1(DW-D-Conv(DW-Conv(F))) * F``.

    A K x K convolution is decomposed into a (2d-1) x (2d-1) depthwise convolution, a ceil(K/d) x ceil(K/d) depthwise
    convolution of dilation d and a 1x1 convolution. Their result weights the input, without a sigmoid. Other networks
    can take this layer from a config, for example by ``plugins=`` of MMDetection's ResNet.

    Args:
        in_channels: Number of channels C.
        kernel_size: Kernel size K of the large convolution being decomposed.
        dilation: Dilation d; ``ceil(K / d)`` must be odd.

    Shape:
        (N, C, H, W) -> (N, C, H, W).

    Raises:
        ValueError: ``ceil(K / d)`` is even.
    """

    def __init__(self, in_channels: int, kernel_size: int = 21, dilation: int = 3) -> None:
        super().__init__()
        local, distant = 2 * dilation - 1, ceil(kernel_size / dilation)
        if distant % 2 == 0:
            raise ValueError(
                f'ceil(kernel_size / dilation) must be odd to keep the size, got {kernel_size} and {dilation}'
            )
        self.dw_conv = DepthwiseConv2d(in_channels, local)
        self.dw_d_conv = DepthwiseConv2d(in_channels, distant, dilation)
        self.pw_conv = nn.Conv2d(in_channels, in_channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return in_format_of(x, conv_pointwise(self.pw_conv, self.dw_d_conv(self.dw_conv(x)), factor=x))
