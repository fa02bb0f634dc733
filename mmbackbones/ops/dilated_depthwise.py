"""Dilated depthwise convolution, in a form that is fast on CPUs."""

from collections.abc import Iterator
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from .autocast import autocast
from .depthwise import depthwise_gradients, width_multiple
from .recording import is_exporting


def dilated_depthwise_conv2d(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
    """Depthwise convolution of odd size and any dilation, padded to keep the height and width.

    A convolution of dilation d only mixes pixels whose rows and columns differ by multiples of d: it is a plain
    convolution on each of the d x d interleaved sub-grids. CPUs have fast kernels only for plain depthwise
    convolutions. So there, the sub-grids become a batch. The values are the same.

    Shape:
        x (N, C, H, W), weight (C, 1, k, k), bias (C,) or None -> (N, C, H, W).
    """
    if is_exporting() or x.device.type != 'cpu':  # an exported file gets the single operator, whatever will run it
        padding = weight.shape[-1] // 2 * dilation
        return F.conv2d(x, weight, bias, padding=padding, dilation=dilation, groups=x.shape[1])
    return _DilatedConv.apply(*autocast(x, weight, bias), dilation)


class _DilatedConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int) -> Tensor:
        ctx.size, ctx.dilation = x.shape[2:], dilation
        ctx.multiple = width_multiple(weight.shape[-1]) if ctx.needs_input_grad[1] else 1
        y, grids = _convolve(x, weight, bias, dilation, ctx.multiple)
        ctx.save_for_backward(grids, weight)
        return y

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        wanted = list(ctx.needs_input_grad[:3])
        gradients = _gradients(grad, *ctx.saved_tensors, ctx.dilation, ctx.multiple, wanted)
        return *(gradient if needed else None for gradient, needed in zip(gradients, wanted, strict=True)), None


@torch.library.custom_op('mmbackbones::dilated_depthwise', mutates_args=())  # not looked into by compilers
def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int, multiple: int) -> tuple[Tensor, Tensor]:
    """The result, and the grids it was computed from."""
    grids = _split(x, dilation, multiple)
    y = F.conv2d(grids, weight, bias, padding=weight.shape[-1] // 2, groups=x.shape[1])
    return _join(y, dilation, *x.shape[2:]), grids


@_convolve.register_fake
def _(x: Tensor, weight: Tensor, bias: Tensor | None, dilation: int, multiple: int) -> tuple[Tensor, Tensor]:
    n, c, h, w = x.shape
    grids = x.new_empty(n * dilation * dilation, *_grid_size(h, w, dilation, multiple), c)
    return x.new_empty(n, h, w, c).permute(0, 3, 1, 2), grids.permute(0, 3, 1, 2)


@torch.library.custom_op('mmbackbones::dilated_depthwise_gradients', mutates_args=())
def _gradients(
    grad: Tensor, grids: Tensor, weight: Tensor, dilation: int, multiple: int, wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    """Gradients of input, weight and bias, empty where they are not wanted."""
    height, width = grad.shape[2:]
    gradients = depthwise_gradients(_split(grad, dilation, multiple), grids, weight, wanted)
    grad_x, grad_weight, grad_bias = (grad.new_empty(0) if value is None else value for value in gradients)
    return _join(grad_x, dilation, height, width) if wanted[0] else grad_x, grad_weight, grad_bias


@_gradients.register_fake
def _(
    grad: Tensor, grids: Tensor, weight: Tensor, dilation: int, multiple: int, wanted: list[bool]
) -> tuple[Tensor, Tensor, Tensor]:
    n, c, h, w = grad.shape
    shapes = (n, h, w, c), weight.shape, (c,)
    grad_x, grad_weight, grad_bias = (
        grad.new_empty(shape if needed else (0,)) for shape, needed in zip(shapes, wanted, strict=True)
    )
    return grad_x.permute(0, 3, 1, 2) if wanted[0] else grad_x, grad_weight, grad_bias


def _split(x: Tensor, d: int, multiple: int) -> Tensor:
    """(N, C, H, W) -> (N d d, C, H', W') with zeros below and right, in channels-last memory.

    H' is H / d rounded up, W' is W / d rounded up to a multiple of `multiple`.
    """
    n, c, h, w = x.shape
    y = x.new_empty(n, d, d, *_grid_size(h, w, d, multiple), c)
    for grid, pixels, rows, columns in _grids(y, x.permute(0, 2, 3, 1), d):
        grid[:, :rows, :columns] = pixels
        grid[:, rows:] = 0
        grid[:, :, columns:] = 0
    return y.flatten(0, 2).permute(0, 3, 1, 2)


def _join(x: Tensor, d: int, height: int, width: int) -> Tensor:
    """The inverse of :func:`_split`."""
    n, c, h, w = x.shape
    y = x.new_empty(n // (d * d), height, width, c)
    grids = x.permute(0, 2, 3, 1).reshape(n // (d * d), d, d, h, w, c)
    for grid, pixels, rows, columns in _grids(grids, y, d):
        pixels[:] = grid[:, :rows, :columns]
    return y.permute(0, 3, 1, 2)


def _grid_size(height: int, width: int, d: int, multiple: int) -> tuple[int, int]:
    return (height + d - 1) // d, (width + d * multiple - 1) // (d * multiple) * multiple


def _grids(grids: Tensor, pixels: Tensor, d: int) -> Iterator[tuple[Tensor, Tensor, int, int]]:
    """Each grid (N, H', W', C) of (N, d, d, H', W', C), its pixels of (N, H, W, C), and how many rows and columns."""
    for i in range(d):
        for j in range(d):
            part = pixels[:, i::d, j::d]
            yield grids[:, i, j], part, part.shape[1], part.shape[2]
