"""Convolution of an activated feature map that is not kept for the backward pass."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from .autocast import autocast
from .depthwise import depthwise_gradients
from .plain_layers import is_plain
from .recording import is_recording


def silu_conv(conv: nn.Conv2d, x: Tensor) -> Tensor:
    """``conv(silu(x))``, which keeps `x` alone for the backward pass.

    Autograd keeps the input of the activation and that of the convolution. In an inverted residual bottleneck, whose
    maps have many channels, these are most of what a training step holds. On CPUs the second one is computed again,
    which takes no longer than to write it to fresh memory and to read it back. Elsewhere it is kept.

    Args:
        conv: A 1x1 convolution, or a depthwise one of odd size that keeps the size of the map.
        x: Its input before the activation.

    Shape:
        x (N, C_in, H, W) -> (N, C_out, H, W).
    """
    if not _recomputes(conv, x):
        return conv(F.silu(x))
    return _SiluConv.apply(*autocast(x, conv.weight, conv.bias))


def _recomputes(conv: nn.Conv2d, x: Tensor) -> bool:
    if x.device.type != 'cpu' or is_recording() or not is_plain(conv):
        return False
    return torch.is_grad_enabled() and (x.requires_grad or conv.weight.requires_grad)


class _SiluConv(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        ctx.save_for_backward(x, weight)
        groups = x.shape[1] // weight.shape[1]
        return F.conv2d(F.silu(x), weight, bias, padding=weight.shape[-1] // 2, groups=groups)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor | None, Tensor | None, Tensor | None]:
        x, weight = ctx.saved_tensors
        needs_x, *needs = ctx.needs_input_grad
        y = F.silu(x) if any(needs) else x  # only the gradients of weight and bias read it
        if weight.shape[1] == 1:
            grad_y, grad_weight, grad_bias = depthwise_gradients(grad, y, weight, [needs_x, *needs])
        else:
            grad_y, grad_weight, grad_bias = torch.ops.aten.convolution_backward(
                grad, y, weight, [len(weight)], [1, 1], [0, 0], [1, 1], False, [0, 0], 1, [needs_x, *needs]
            )
        grad_x = torch.ops.aten.silu_backward(grad_y, x) if needs_x else None
        return grad_x, grad_weight, grad_bias
