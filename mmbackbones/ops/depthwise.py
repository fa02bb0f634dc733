"""Depthwise convolution whose backward pass is fast on CPUs."""

from collections.abc import Sequence
from math import lcm
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .autocast import autocast
from .recording import is_exporting

_ONEDNN = torch.backends.mkldnn.is_available()


def depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Depthwise convolution of odd size with stride 1, padded to keep the height and width.

    The values are those of :func:`torch.nn.functional.conv2d`. What differs, on CPUs, is how the gradient of the
    weight is computed: oneDNN, which PyTorch calls there, has a fast kernel for it only if the weight is at most 3
    columns wide; beyond, it takes ten times as long (:func:`_weight_gradient`).

    Shape:
        x (N, C, H, W), weight (C, 1, k, k), bias (C,) or None -> (N, C, H, W).
    """
    if _has_slow_gradient(x, weight):
        return _DepthwiseConv.apply(*autocast(x, weight, bias))
    return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=x.shape[1])


def _has_slow_gradient(x: Tensor, weight: Tensor) -> bool:
    return (
        weight.requires_grad
        and torch.is_grad_enabled()
        and weight.shape[-1] > 3
        and x.device.type == 'cpu'
        and x.dtype in (torch.float32, torch.bfloat16)
        and _ONEDNN
        and not is_exporting()
    )


class _DepthwiseConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        return F.conv2d(x, weight, bias, padding=weight.shape[-1] // 2, groups=x.shape[1])

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        return depthwise_gradients(grad, x, weight, ctx.needs_input_grad)


def depthwise_gradients(
    grad: Tensor, x: Tensor, weight: Tensor, wanted: Sequence[bool]
) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
    """Gradients of input, weight and bias of :func:`depthwise_conv2d`, those of the three that are wanted."""
    grad_x = _convolution_backward(grad, x, weight, 'x')[0] if wanted[0] else None
    grad_weight, grad_bias = None, None
    if wanted[1] and weight.shape[-1] > 3:
        grad_weight, grad_bias = _weight_gradient(grad, x, weight.shape[-1])
    elif wanted[1] or wanted[2]:
        grad_weight, grad_bias = _convolution_backward(grad, x, weight, 'weight and bias')[1:]
    return grad_x, grad_weight if wanted[1] else None, grad_bias if wanted[2] else None


@torch.library.custom_op('mmbackbones::depthwise_weight_gradient', mutates_args=())  # not looked into by compilers
def _weight_gradient(grad: Tensor, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Gradients of weight (C, 1, k, k) and bias (C,), from convolutions that are 3 columns wide.

    In channels-last memory, m neighboring pixels of a row are one pixel of m C channels: an image of (m C, H, W / m).
    There, the columns -1, 0 and 1 of a depthwise weight meet pixels that are -m, 0 and m columns apart. So the columns
    -m and m of the gradient are columns -1 and 1 of the gradient in this view, which costs no copy, summed over the m
    pixels. Zeros on the right, up to a width that all m divide, change nothing.

    bfloat16 is computed in float32, because oneDNN has no fast kernel for this gradient in bfloat16.
    """
    if not len(x):
        return x.new_zeros(x.shape[1], 1, size, size), x.new_zeros(x.shape[1])
    dtype = x.dtype
    if dtype != torch.float64:
        grad, x = grad.float(), x.float()
    compute = _small_weight_gradient if x.shape[2] <= size else _wide_weight_gradient
    grad_weight, grad_bias = compute(grad, x, size)
    return grad_weight.to(dtype), grad_bias.to(dtype)


@_weight_gradient.register_fake
def _(grad: Tensor, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    return x.new_empty(x.shape[1], 1, size, size), x.new_empty(x.shape[1])


def _wide_weight_gradient(grad: Tensor, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The same for maps higher than the weight."""
    reach, width, multiple = size // 2, x.shape[3], width_multiple(size)
    if width % multiple:
        grad, x = (F.pad(t, (0, -width % multiple)) for t in (grad, x))
    grad, x = (t.contiguous(memory_format=torch.channels_last) for t in (grad, x))
    middle, grad_bias = _columns(grad, x, size)
    columns = [middle[..., 1]]
    for m in range(1, reach + 1):
        three = middle if m == 1 else _columns(_merged(grad, m), _merged(x, m), size)[0].unflatten(0, (m, -1)).sum(0)
        columns = [three[..., 0], *columns, three[..., 2]]
    return torch.stack(columns, -1), grad_bias


def _small_weight_gradient(grad: Tensor, x: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """The same for maps no higher than the weight, on which oneDNN's kernel is slow: `x` convolved with `grad`."""
    n, c, h, w = x.shape
    kernels = grad.reshape(n * c, 1, h, w)
    y = F.conv2d(x.reshape(1, n * c, h, w), kernels, padding=size // 2, groups=n * c)
    return y.view(n, c, 1, size, size).sum(0), grad.sum((0, 2, 3))


def width_multiple(size: int) -> int:
    """What the width must be divisible by for the gradient of a weight of this size to be computed without copies."""
    return lcm(*range(1, size // 2 + 1))


def _columns(grad: Tensor, x: Tensor, height: int) -> tuple[Tensor, Tensor]:
    """Gradients of a weight (C, 1, height, 3) and of the bias."""
    weight = x.new_empty(1).expand(x.shape[1], 1, height, 3)  # only its shape is used
    return _convolution_backward(grad, x, weight, 'weight and bias')[1:]


def _merged(x: Tensor, m: int) -> Tensor:
    """(N, C, H, W) in channels-last memory, W a multiple of m -> (N, m C, H, W / m), a view."""
    n, c, h, w = x.shape
    return x.permute(0, 2, 3, 1).view(n, h, w // m, m * c).permute(0, 3, 1, 2)


def _convolution_backward(grad: Tensor, x: Tensor, weight: Tensor, wanted: str) -> tuple[Tensor, Tensor, Tensor]:
    channels, (height, width) = x.shape[1], weight.shape[2:]
    return torch.ops.aten.convolution_backward(
        grad,
        x,
        weight,
        bias_sizes=[channels],
        stride=[1, 1],
        padding=[height // 2, width // 2],
        dilation=[1, 1],
        transposed=False,
        output_padding=[0, 0],
        groups=channels,
        output_mask=[wanted == 'x', wanted != 'x', wanted != 'x'],
    )
