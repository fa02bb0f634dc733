"""Convolutions with norms and SiLU between them."""

import torch
from torch import Tensor, nn

from ..ops import conv_pointwise, silu_conv


def conv_norm_act(
    conv: nn.Conv2d, norm: nn.Module, x: Tensor, activation: str | None = None, residual: Tensor | None = None
) -> Tensor:
    """``activation(norm(conv(x))) + residual``, in one pass over memory where there is no norm, or it is folded.

    Args:
        conv: The convolution.
        norm: The norm behind it; an identity for none.
        x: The input of the convolution.
        activation: ``'silu'``; None for none.
        residual: What is added at last, in the shape of the result.

    Shape:
        x (N, C_in, H, W) -> (N, C_out, H_out, W_out).
    """
    if isinstance(norm, nn.Identity):
        return conv_pointwise(conv, x, activation, residual=residual)
    y = norm(conv(x))
    y = y if activation is None else torch.nn.functional.silu(y)
    return y if residual is None else y + residual


def silu_between(x: Tensor, *steps: tuple[nn.Conv2d, nn.Module], residual: Tensor | None = None) -> Tensor:
    """Convolutions, each with its norm, and SiLU between one step and the next.

    Without gradients, SiLU is applied by the convolution before it; with them, by the one after it, which keeps no copy
    of what it reads.

    Args:
        x: The input of the first convolution.
        steps: Each convolution and the norm behind it; an identity for none.
        residual: What is added at last, in the shape of the result.

    Shape:
        x (N, C_in, H, W) -> (N, C_out, H_out, W_out).
    """
    (first, first_norm), *others = steps
    if torch.is_grad_enabled() and (
        x.requires_grad or any(p.requires_grad for conv, _ in steps for p in conv.parameters())
    ):
        x = first_norm(first(x))
        for conv, norm in others:
            x = norm(silu_conv(conv, x))
        return x if residual is None else x + residual
    *silent, (last, last_norm) = steps
    for conv, norm in silent:
        x = conv_norm_act(conv, norm, x, 'silu')
    return conv_norm_act(last, last_norm, x, residual=residual)
