"""The local attention layer of "Stand-Alone Self-Attention in Vision Models", https://arxiv.org/abs/1906.05909."""

import torch
import torch.nn.functional as F
from mmengine.registry import MODELS
from torch import Tensor, nn
from torch.nn.modules.utils import _pair

from ..ops import is_exporting, is_recording, local_attention
from ..ops.plain_layers import is_plain
from .memory_format import gradient_in_format_of, in_format_of
from .weight_init import init_conv_fan_out


class LocalAttention2d(nn.Module):
    """Self-attention of every pixel to the k x k pixels around it, in place of a convolution (Sections 2.2 and 3.1).

        y_ij = sum over ab in N_k(ij) of softmax_ab(q_ij . k_ab + q_ij . r_(a-i, b-j)) v_ab    (Equation 3)

    q, k and v are 1x1 convolutions of the input without bias, split into heads; each head has its own embeddings of
    row and column offsets. Where the convolution had stride 2, a 2x2 average pooling follows.

    Args:
        in_channels: Number of channels of the input, C_in.
        out_channels: Number of channels of the output, C_out; an even number per head.
        kernel_size: Spatial extent k in pixels, odd.
        heads: Number of attention heads.
        stride: 1, or 2 for pooling.
        bias: Whether to add a bias to each output channel, as a convolution without a norm after it does.
        border: Treatment of pixels beyond the border, `zeros` or `mask`: see :func:`mmbackbones.ops.local_attention`.

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / stride), ceil(W / stride)), in the memory format of the input.
        N may be 0.

    Raises:
        ValueError: `out_channels` cannot be split into the heads, or another `stride`. An even `kernel_size` or an
            unknown `border` is refused with the first input.
    """

    # What mmcv's ConvModule reads from a convolution, besides the sizes.
    dilation = (1, 1)
    output_padding = (0, 0)
    transposed = False
    groups = 1

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 7,
        heads: int = 8,
        stride: int | tuple[int, int] = 1,
        bias: bool = False,
        border: str = 'zeros',
    ) -> None:
        super().__init__()
        if out_channels % (2 * heads):
            raise ValueError(
                'out_channels of local attention must be a multiple of twice the heads (half of the channels of '
                f'each head are for rows, half for columns), got {out_channels} and {heads} heads'
            )
        if _pair(stride) not in ((1, 1), (2, 2)):
            raise ValueError(f'local attention has stride 1, or 2 by 2x2 pooling, got {stride!r}')
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = _pair(kernel_size)
        self.padding = _pair(kernel_size // 2)
        self.stride = _pair(stride)
        self.heads = heads
        self.border = border
        half = out_channels // heads // 2
        self.query = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1))
        self.key = nn.Parameter(torch.empty(out_channels, in_channels, 1, 1))
        # The only Conv2d of the three: networks that initialize their convolutions in their own way, as RetinaNet's
        # heads do from N(0, 0.01), mean W_V by that (Appendix A.3), and find it by its class.
        self.value = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.rel_row = nn.Parameter(torch.empty(heads, half, kernel_size))
        self.rel_col = nn.Parameter(torch.empty(heads, half, kernel_size))
        self.bias = nn.Parameter(torch.empty(out_channels)) if bias else None
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the weights; mmcv's ConvModule does not initialize a layer that has this method.

        The paper does not divide the logits by sqrt(d). Queries of variance 1 / d, and keys and embeddings of variance
        1, give them a variance of about 1 in heads of any width: the softmax is neither flat nor one-hot.
        """
        head_channels = self.out_channels // self.heads
        nn.init.normal_(self.query, std=(self.in_channels * head_channels) ** -0.5)
        nn.init.normal_(self.key, std=self.in_channels**-0.5)
        nn.init.normal_(self.rel_row)
        nn.init.normal_(self.rel_col)
        init_conv_fan_out(self.value)
        if self.bias is not None:
            nn.init.zeros_(self.bias)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self._projections(x).unflatten(1, (3, self.heads, -1)).unbind(1)
        y = local_attention(q, k, v, self.rel_row, self.rel_col, self.kernel_size[0], self.border).flatten(1, 2)
        if self.stride == (2, 2):
            y = _halve(y) if is_exporting() else F.avg_pool2d(y, 2, ceil_mode=True)
        y = y if self.bias is None else y + self.bias.to(y.dtype)[:, None, None]  # float32 would make y float32
        return in_format_of(x, y)  # whatever form computed it

    def _projections(self, x: Tensor) -> Tensor:
        """q, k and v in one product: (N, 3 C_out, H, W); contiguous on CPUs, where attention reads rows of a map."""
        if not is_plain(self.value):
            return torch.cat((F.conv2d(x, torch.cat((self.query, self.key))), self.value(x)), 1)
        weight = torch.cat((self.query, self.key, self.value.weight))
        if x.device.type != 'cpu' or is_recording():
            return F.conv2d(x, weight)
        pixels = gradient_in_format_of(x).flatten(2)
        return torch.bmm(weight.flatten(1).expand(len(x), -1, -1), pixels).unflatten(2, x.shape[2:])

    def extra_repr(self) -> str:
        return (
            f'{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size[0]}, heads={self.heads}, '
            f'stride={self.stride[0]}, bias={self.bias is not None}, border={self.border!r}'
        )


def _halve(x: Tensor) -> Tensor:
    """2x2 average pooling with `ceil_mode`: a window cut off by the edge averages the pixels that it has.

    OpenVINO's pooling with that mode gives an empty map for a single pixel.
    """
    sums, counts = (F.avg_pool2d(F.pad(each, (0, 1, 0, 1)), 2) for each in (x, torch.ones_like(x[:1, :1])))
    return sums / counts


@MODELS.register_module(name=['LocalAttention2d', 'LocalAttention'])
def build_local_attention(
    in_channels: int,
    out_channels: int,
    conv_size: int | tuple[int, int] | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] = 0,
    dilation: int | tuple[int, int] = 1,
    groups: int = 1,
    bias: bool = True,
    kernel_size: int = 7,
    heads: int = 8,
    border: str = 'zeros',
) -> nn.Module:
    """Build what ``conv_cfg=dict(type='LocalAttention2d', kernel_size=7, heads=8)`` puts in place of a convolution.

    A 1x1 convolution does not look around and stays one (Section 3.1); any other becomes a :class:`LocalAttention2d`
    of the same channels, stride and bias.

    Args:
        in_channels: Number of input channels.
        out_channels: Number of output channels.
        conv_size: Kernel size of the convolution to replace, which mmcv's ConvModule passes by position. Modules that
            pass it by name instead (mmdet's ResNet calls ``kernel_size=3``) set the extent of the attention with it.
        stride: Stride of the convolution: 1 or 2.
        padding: Padding of the convolution, half its size: attention always keeps the height and width.
        dilation: Dilation of the convolution: 1.
        groups: Groups of the convolution: 1.
        bias: Whether the convolution has a bias.
        kernel_size: Spatial extent of the attention, see :class:`LocalAttention2d`.
        heads: Number of attention heads, see :class:`LocalAttention2d`.
        border: See :class:`LocalAttention2d`.

    Raises:
        ValueError: The convolution is dilated, grouped, not square, of even size or not padded by half its size, so
            that attention cannot replace it.
    """
    size = _pair(kernel_size if conv_size is None else conv_size)
    if conv_size is None:
        kernel_size = size[0]
    if size == (1, 1):
        return nn.Conv2d(in_channels, out_channels, 1, stride, padding, dilation, groups, bias)
    if _pair(dilation) != (1, 1) or groups != 1:
        raise ValueError(
            'local attention can only replace convolutions without dilation or groups, '
            f'got dilation {dilation!r} and {groups} groups'
        )
    if size[0] != size[1] or size[0] % 2 == 0 or _pair(padding) != _pair(size[0] // 2):
        raise ValueError(
            'local attention can only replace square convolutions of odd size, padded by half of it, '
            f'got size {size} and padding {padding!r}'
        )
    return LocalAttention2d(in_channels, out_channels, kernel_size, heads, stride, bias, border)
