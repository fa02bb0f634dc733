"""Convolutions and linear layers that apply what follows them, pixel by pixel, before they write their result."""

import torch
from torch import Tensor, nn

from .activated_depthwise import activated_depthwise, is_activated_depthwise
from .autocast import autocast
from .bfloat16_weights import is_final, prepared
from .linear import is_conv1x1, trained_conv1x1, trained_linear
from .onednn import (
    finish,
    onednn_computes_in,
    onednn_conv,
    onednn_has_bfloat16,
    onednn_linear,
    onednn_runs_pointwise,
)
from .plain_layers import is_plain
from .recording import is_recording


def conv_pointwise(
    conv: nn.Conv2d,
    x: Tensor,
    activation: str | None = None,
    factor: Tensor | None = None,
    residual: Tensor | None = None,
) -> Tensor:
    """``activation(conv(x)) * factor + residual``, in one pass over memory where that can be had.

    On CPUs a GELU after a convolution takes as long as the convolution, for it reads and writes the whole map once
    more. oneDNN applies it to the values that it has just computed. PyTorch offers this without gradients only, to its
    own compiler; so in training, on other devices, while a network is recorded, and for types other than float32 and
    bfloat16, the operators run one after the other (in training, 1x1 convolutions and linear layers in a faster form:
    :func:`trained_linear`; depthwise convolutions still with their activation: :func:`activated_depthwise`). One of the
    three is applied in the same pass, the first one given; the others follow.

    Args:
        conv: The convolution.
        x: Its input.
        activation: 'gelu', 'silu' or 'relu'; None for none.
        factor: What the activation is multiplied by, in the shape of the result.
        residual: What is added at last, in the shape of the result.

    Shape:
        x (N, C_in, H, W) -> (N, C_out, H_out, W_out).
    """
    if is_recording() or not is_plain(conv):
        return finish(conv(x), activation, factor, residual)
    operands = _operands(conv, x) if conv.padding_mode == 'zeros' else None
    if operands is None or isinstance(conv.padding, str) or x.dim() != 4:
        if is_activated_depthwise(conv, activation) and x.dim() == 4 and _is_for_onednn(x):
            x, weight, bias = autocast(x, conv.weight, conv.bias)
            if x.dtype == weight.dtype and onednn_computes_in(x.dtype):
                return finish(activated_depthwise(x, weight, bias, str(activation)), None, factor, residual)
        return finish(_call(conv, x), activation, factor, residual)
    x, weight, bias = operands
    if is_conv1x1(conv, x) and conv.stride == (1, 1):
        # As a linear layer the same product takes up to a fifth less time: its weight is not copied into blocks first.
        factor, residual = (None if t is None else t.permute(0, 2, 3, 1) for t in (factor, residual))
        y = onednn_linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias, activation, factor, residual)
        return y.permute(0, 3, 1, 2)
    geometry = (conv.padding, conv.stride, conv.dilation, conv.groups)
    return onednn_conv(x, weight, bias, geometry, activation, factor, residual)


def linear_pointwise(
    linear: nn.Linear, x: Tensor, activation: str | None = None, residual: Tensor | None = None
) -> Tensor:
    """``activation(linear(x)) + residual``, in one pass over memory where that can be had, as :func:`conv_pointwise`.

    Shape:
        x (..., C_in) -> (..., C_out).
    """
    if is_recording() or not is_plain(linear):
        return finish(linear(x), activation, None, residual)
    operands = _operands(linear, x)
    if operands is None:
        return finish(_call(linear, x), activation, None, residual)
    return onednn_linear(*operands, activation, None, residual)


def _call(layer: nn.Conv2d | nn.Linear, x: Tensor) -> Tensor:
    """``layer(x)`` for a plain layer, in the form that is fastest where it is trained on a CPU."""
    weight, bias = layer.weight, layer.bias
    if trains_by_products(x, weight, bias):
        if isinstance(layer, nn.Linear):
            return trained_linear(x, weight, bias)
        if is_conv1x1(layer, x):
            return trained_conv1x1(x, weight, bias, layer.stride)
    return layer(x)


def trains_by_products(x: Tensor, weight: Tensor, bias: Tensor | None) -> bool:
    """Whether :func:`trained_linear` and :func:`trained_conv1x1` take these, and gradients are needed."""
    return bool(
        torch.is_grad_enabled()
        and any(t is not None and t.requires_grad for t in (x, weight, bias))
        and x.device.type == 'cpu'
        and all(t is None or t.dtype == torch.float32 for t in (x, weight, bias))
        and not (torch.is_autocast_enabled('cpu') or is_recording())
        and onednn_runs_pointwise()
        and x.numel()
    )


def _operands(layer: nn.Conv2d | nn.Linear, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None] | None:
    """Input, weight and bias for oneDNN, in autocast's type where it is on; None if PyTorch has to compute."""
    if not _is_for_onednn(x):
        return None
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, layer.weight, layer.bias)):
        return None
    to_bfloat16 = torch.is_autocast_enabled('cpu') and torch.get_autocast_dtype('cpu') == torch.bfloat16
    keeps_weight = is_final(layer) and not (layer.weight.requires_grad or layer.weight.is_inference())
    if to_bfloat16 and x.dtype != torch.float64 and onednn_has_bfloat16() and keeps_weight:
        x = x.bfloat16()
        return (x, *prepared(layer, x))
    x, weight, bias = autocast(x, layer.weight, layer.bias)
    return (x, weight, bias) if x.dtype == weight.dtype and onednn_computes_in(x.dtype) else None


def _is_for_onednn(x: Tensor) -> bool:
    return x.device.type == 'cpu' and x.numel() > 0 and onednn_runs_pointwise()
