"""Attention as it is usually written down, to measure against."""

from contextlib import contextmanager
from unittest.mock import patch

import torch
from torch import Tensor


def softmax_attention(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` with the whole matrix of weights in memory.

    Shapes: q (..., L, d), k (..., S, d), v (..., S, e), `attn_mask` boolean, broadcast to (..., L, S) -> (..., L, e).
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    return scores.softmax(-1) @ v


@contextmanager
def explicit_attention():
    """Inside, every call of PyTorch's scaled-dot-product attention holds its matrix of weights."""
    with patch('torch.nn.functional.scaled_dot_product_attention', softmax_attention):
        yield
