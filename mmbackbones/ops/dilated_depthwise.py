"""Dilated depthwise convolution, in a form that is fast on CPUs."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .depthwise import convolution_backward, depthwise_conv2d, weight_gradient
from .recording import is_exporting, is_recording


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
    on_cpu = x.device.type == 'cpu' and not is_exporting()
    if on_cpu and is_recording():
        dtype = torch.get_autocast_dtype('cpu') if torch.is_autocast_enabled('cpu') else x.dtype
        return _compiled(x.to(dtype), weight.to(dtype), None if bias is None else bias.to(dtype), dilation)
    if not on_cpu or x.shape[2] < size or x.shape[3] < size:
        return F.conv2d(x, weight, bias, padding=reach, dilation=dilation, groups=channels)
    y = depthwise_conv2d(_split(x, dilation), weight, bias)
    return _join(y, dilation)[..., : x.shape[2], : x.shape[3]]


# Compiled, this is one operator, which `torch.compile` does not look into: its branch on the size of the map, and the
# sizes of the sub-grids, would be recorded for some sizes only.
@torch.library.custom_op('mmbackbones::dilated_depthwise', mutates_args=())
def _compiled(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    with torch.autocast('cpu', enabled=False):
        y = dilated_depthwise_conv2d(x, weight.detach(), bias, dilation)
    return y.clone(memory_format=torch.channels_last)


@_compiled.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    return torch.empty_like(x, memory_format=torch.channels_last)


@torch.library.custom_op('mmbackbones::dilated_depthwise_backward', mutates_args=())
def _compiled_backward(grad: Tensor, x: Tensor, weight: Tensor, dilation: int) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of x, weight and bias."""
    grad, split = _split(grad, dilation), _split(x, dilation)
    grad_x = _join(convolution_backward(grad, split, weight, 'x')[0], dilation)[..., : x.shape[2], : x.shape[3]]
    return grad_x.clone(memory_format=torch.channels_last), *weight_gradient(grad, split, weight.shape[-1])


@_compiled_backward.register_fake
def _(grad: Tensor, x: Tensor, weight: Tensor, dilation: int) -> tuple[Tensor, Tensor, Tensor]:
    return (
        torch.empty_like(x, memory_format=torch.channels_last),
        torch.empty_like(weight),
        weight.new_empty(len(weight)),
    )


def _save(ctx: Any, inputs: tuple, output: Tensor) -> None:
    x, weight, bias, ctx.dilation = inputs
    ctx.has_bias = bias is not None
    ctx.save_for_backward(x, weight)


def _backward(ctx: Any, grad: Tensor) -> tuple[Tensor, Tensor, Tensor | None, None]:
    grad_x, grad_weight, grad_bias = _compiled_backward(grad, *ctx.saved_tensors, ctx.dilation)
    return grad_x, grad_weight, grad_bias if ctx.has_bias else None, None


_compiled.register_autograd(_backward, setup_context=_save)


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
