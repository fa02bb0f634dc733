"""PyTorch's fused attention, given what its kernels take."""

import torch.nn.functional as F
from torch import Tensor


def fused_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **options) -> Tensor:
    """:func:`torch.nn.functional.scaled_dot_product_attention`, never by the form that builds the map for its sake.

    The fused kernels want channels side by side in memory. Given anything else, PyTorch takes the form that holds the
    whole map of L x S, and does not say so.

    `options` are further ones of PyTorch's function.

    Shapes: q (N, heads, L, d), k and v (N, heads, S, d), mask, which is added or says what takes part, broadcastable to
        (N, heads, L, S) -> (N, heads, L, d).
    """
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
