"""oneDNN's convolution and linear layer with what follows them, by private operators that PyTorch's compiler calls."""

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

_ACTIVATIONS: dict[str, Callable[[Tensor], Tensor]] = {'gelu': F.gelu, 'silu': F.silu, 'relu': F.relu}
_NAMES = {None: 'none', 'gelu': 'gelu', 'silu': 'swish', 'relu': 'relu'}


def onednn_conv(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    geometry: tuple[Any, ...],
    activation: str | None = None,
    factor: Tensor | None = None,
    residual: Tensor | None = None,
) -> Tensor:
    """``activation(conv2d(x)) * factor + residual``, the first of the three that is given in the same pass over memory.

    Args:
        x: The input, in float32 or bfloat16, as `weight` and `bias`.
        weight: The weight.
        bias: The bias, if there is one.
        geometry: Padding, stride, dilation and groups.
        activation: 'gelu', 'silu' or 'relu'; None for none.
        factor: What the activation is multiplied by, in the shape of the result.
        residual: What is added at last, in the shape of the result.

    Shape:
        x (N, C_in, H, W) -> (N, C_out, H_out, W_out).
    """
    binary = torch.ops.mkldnn._convolution_pointwise.binary
    if activation is None and _fits(factor, x):
        y = binary(x, factor, weight, bias, *geometry, 'mul', None, None, [], None)
        return finish(y, None, None, residual)
    if activation is None and factor is None and _fits(residual, x):
        return binary(x, residual, weight, bias, *geometry, 'add', None, None, [], None)
    y = torch.ops.mkldnn._convolution_pointwise(x, weight, bias, *geometry, _NAMES[activation], [], 'none')
    return finish(y, None, factor, residual)


def onednn_linear(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None,
    activation: str | None = None,
    factor: Tensor | None = None,
    residual: Tensor | None = None,
) -> Tensor:
    """``activation(linear(x)) * factor + residual``, as :func:`onednn_conv`.

    Shape:
        x (..., C_in), weight (C_out, C_in), bias (C_out,) or None -> (..., C_out).
    """
    binary = torch.ops.mkldnn._linear_pointwise.binary
    if activation is None and _fits(factor, x):
        return finish(binary(x, factor, weight, bias, 'mul'), None, None, residual)
    if activation is None and factor is None and _fits(residual, x):
        return binary(x, residual, weight, bias, 'add')
    y = torch.ops.mkldnn._linear_pointwise(x, weight, bias, _NAMES[activation], [], 'none')
    return finish(y, None, factor, residual)


def finish(y: Tensor, activation: str | None, factor: Tensor | None, residual: Tensor | None) -> Tensor:
    """``activation(y) * factor + residual`` by PyTorch's operators, for those of the three that are given."""
    y = y if activation is None else _ACTIVATIONS[activation](y)
    y = y if factor is None else y * factor
    return y if residual is None else y + residual


def _fits(other: Tensor | None, x: Tensor) -> bool:
    """Whether oneDNN can combine its result with `other`; with one of another type, the result would change its own."""
    return other is not None and other.dtype == x.dtype


def onednn_computes_in(dtype: torch.dtype) -> bool:
    """Whether these operators take tensors of this type, on this CPU."""
    return dtype == torch.float32 or (dtype == torch.bfloat16 and onednn_has_bfloat16())


def onednn_runs_pointwise() -> bool:
    """Whether this PyTorch has oneDNN, in use, and the private operators that its compiler calls."""
    return bool(torch.backends.mkldnn.enabled) and _has_operators()


@cache
def _has_operators() -> bool:
    names = ('_convolution_pointwise', '_linear_pointwise')
    return torch.backends.mkldnn.is_available() and all(hasattr(torch.ops.mkldnn, name) for name in names)


@cache
def onednn_has_bfloat16() -> bool:
    """Whether oneDNN computes in bfloat16 on this CPU."""
    return torch.ops.mkldnn._is_mkldnn_bf16_supported()
