"""Convolutions and linear layers that apply what follows them, pixel by pixel, before they write their result."""

from collections.abc import Callable
from functools import cache
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .activated_depthwise import activated_depthwise, is_activated_depthwise
from .bfloat16_weights import prepared
from .linear import is_plain_conv1x1, trained_conv1x1, trained_linear
from .plain_layer import is_plain
from .recording import is_recording

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {'gelu': F.gelu, 'silu': F.silu, 'relu': F.relu}
_ONEDNN_NAMES = {None: 'none', 'gelu': 'gelu', 'silu': 'swish', 'relu': 'relu'}


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
    if not is_plain(conv):
        return _finish(conv(x), activation, factor, residual)
    operands = _operands(conv, x) if conv.padding_mode == 'zeros' else None
    if operands is None or isinstance(conv.padding, str) or x.dim() != 4:
        if is_activated_depthwise(conv, activation) and x.dim() == 4 and _has_onednn(x):
            x, weight, bias = _cast(conv, x)
            if x.dtype == weight.dtype and _computes_in(x.dtype):
                return _finish(activated_depthwise(x, weight, bias, str(activation)), None, factor, residual)
        return _finish(_call(conv, x), activation, factor, residual)
    x, weight, bias = operands
    if is_plain_conv1x1(conv, x) and conv.stride == (1, 1):
        # As a linear layer the same product takes up to a fifth less time: its weight is not copied into blocks first.
        factor_, residual_ = (None if t is None else t.permute(0, 2, 3, 1) for t in (factor, residual))
        y = _linear(x.permute(0, 2, 3, 1), weight.flatten(1), bias, activation, factor_, residual_)
        return y.permute(0, 3, 1, 2)
    geometry = (conv.padding, conv.stride, conv.dilation, conv.groups)
    binary = torch.ops.mkldnn._convolution_pointwise.binary
    if activation is None and _fits(factor, x):
        y = binary(x, factor, weight, bias, *geometry, 'mul', None, None, [], None)
        return _finish(y, None, None, residual)
    if activation is None and factor is None and _fits(residual, x):
        return binary(x, residual, weight, bias, *geometry, 'add', None, None, [], None)
    y = torch.ops.mkldnn._convolution_pointwise(*operands, *geometry, _ONEDNN_NAMES[activation], [], 'none')
    return _finish(y, None, factor, residual)


def linear_pointwise(
    linear: nn.Linear, x: Tensor, activation: str | None = None, residual: Tensor | None = None
) -> Tensor:
    """``activation(linear(x)) + residual``, in one pass over memory where that can be had, as :func:`conv_pointwise`.

    Shape:
        x (..., C_in) -> (..., C_out).
    """
    if not is_plain(linear):
        return _finish(linear(x), activation, None, residual)
    operands = _operands(linear, x)
    if operands is None:
        return _finish(_call(linear, x), activation, None, residual)
    return _linear(*operands, activation, None, residual)


def _linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    activation: str | None,
    factor: Tensor | None,
    residual: Tensor | None,
) -> Tensor:
    binary = torch.ops.mkldnn._linear_pointwise.binary
    if activation is None and _fits(factor, x):
        return _finish(binary(x, factor, weight, bias, 'mul'), None, None, residual)
    if activation is None and factor is None and _fits(residual, x):
        return binary(x, residual, weight, bias, 'add')
    y = torch.ops.mkldnn._linear_pointwise(x, weight, bias, _ONEDNN_NAMES[activation], [], 'none')
    return _finish(y, None, factor, residual)


def _call(module: nn.Conv2d | nn.Linear, x: Tensor) -> Tensor:
    """``module(x)``, in the form that is fastest where it is trained on a CPU."""
    weight, bias = module.weight, module.bias
    if trains_by_products(x, weight, bias):
        if type(module) is nn.Linear:
            return trained_linear(x, weight, bias)
        if is_plain_conv1x1(module, x):
            return trained_conv1x1(x, weight, bias, cast(nn.Conv2d, module).stride)
    return module(x)


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


def _finish(y: Tensor, activation: str | None, factor: Tensor | None, residual: Tensor | None) -> Tensor:
    y = y if activation is None else _ACTIVATIONS[activation](y)
    y = y if factor is None else y * factor
    return y if residual is None else y + residual


def _fits(other: Tensor | None, x: Tensor) -> bool:
    """Whether oneDNN can combine its result with `other`; with one of another type, the result would change its own."""
    return other is not None and other.dtype == x.dtype


def _operands(module: nn.Conv2d | nn.Linear, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None] | None:
    """Input, weight and bias for oneDNN, in autocast's type where it is on; None if PyTorch has to compute."""
    if not _has_onednn(x):
        return None
    if torch.is_grad_enabled() and any(t is not None and t.requires_grad for t in (x, module.weight, module.bias)):
        return None
    to_bfloat16 = torch.is_autocast_enabled('cpu') and torch.get_autocast_dtype('cpu') == torch.bfloat16
    if to_bfloat16 and _has_bfloat16() and not (module.weight.requires_grad or module.weight.is_inference()):
        x = x.bfloat16()
        return (x, *prepared(module, x))
    x, weight, bias = _cast(module, x)
    return (x, weight, bias) if x.dtype == weight.dtype and _computes_in(x.dtype) else None


def _has_onednn(x: Tensor) -> bool:
    """Whether oneDNN may be called with `x`."""
    return bool(x.device.type == 'cpu' and not is_recording() and onednn_runs_pointwise() and x.numel())


def _cast(module: nn.Conv2d | nn.Linear, x: Tensor) -> tuple[Tensor, Tensor, Tensor | None]:
    weight, bias = module.weight, module.bias
    if torch.is_autocast_enabled('cpu'):
        dtype = torch.get_autocast_dtype('cpu')
        x, weight, bias = x.to(dtype), weight.to(dtype), bias if bias is None else bias.to(dtype)
    return x, weight, bias


def _computes_in(dtype: torch.dtype) -> bool:
    return dtype == torch.float32 or (dtype == torch.bfloat16 and _has_bfloat16())


def onednn_runs_pointwise() -> bool:
    """Whether this PyTorch has oneDNN, in use, and the private operators that its compiler calls."""
    return bool(torch.backends.mkldnn.enabled) and _has_operators()


@cache
def _has_operators() -> bool:
    names = ('_convolution_pointwise', '_linear_pointwise')
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)


@cache
def _has_bfloat16() -> bool:
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()
