"""Depthwise convolution and activation in one pass, in training on CPUs."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .depthwise import depthwise_gradients
from .onednn import onednn_conv

_BACKWARD: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    'gelu': torch.ops.aten.gelu_backward,
    'silu': torch.ops.aten.silu_backward,
}


def activated_depthwise(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
    """A depthwise convolution as :func:`mmbackbones.ops.depthwise_conv2d`, then an activation, in one pass over memory.

    It keeps nothing but its input for the backward pass. The gradient of the activation needs the result of the
    convolution: to compute that once more takes a third of the time of an activation in a pass of its own, and the
    largest maps of a network are those in its hidden layers.

    Args:
        x: The input, on a CPU.
        weight: The weight, as all others in float32 or bfloat16.
        bias: The bias, if there is one.
        activation: 'gelu' or 'silu'.

    Shape:
        x (N, C, H, W), weight (C, 1, k, k), bias (C,) -> (N, C, H, W).
    """
    return _ActivatedDepthwise.apply(x, weight, bias, activation)


def is_activated_depthwise(conv: nn.Conv2d, activation: str | None) -> bool:
    """Whether a plain `conv` and `activation` are what :func:`activated_depthwise` computes."""
    size = conv.kernel_size[0]
    return (
        activation in _BACKWARD
        and conv.in_channels == conv.out_channels == conv.groups > 1
        and (conv.stride, conv.dilation, conv.padding_mode) == ((1, 1), (1, 1), 'zeros')
        and (conv.kernel_size, conv.padding) == ((size, size), (size // 2, size // 2))
        and size % 2 == 1
    )


class _ActivatedDepthwise(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, activation: str) -> Tensor:
        ctx.save_for_backward(x, weight, bias)
        ctx.activation = activation
        return _convolve(x, weight, bias, activation)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, ...]:
        x, weight, bias = ctx.saved_tensors
        grad = _BACKWARD[ctx.activation](grad, _convolve(x, weight, bias, None))
        return *depthwise_gradients(grad, x, weight, ctx.needs_input_grad), None


def _convolve(x: Tensor, weight: Tensor, bias: Tensor | None, activation: str | None) -> Tensor:
    geometry = ([weight.shape[-1] // 2] * 2, [1, 1], [1, 1], x.shape[1])  # padding, stride, dilation, groups
    return onednn_conv(x, weight, bias, geometry, activation)
