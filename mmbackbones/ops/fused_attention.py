"""PyTorch's fused attention, with inputs that its fast kernels accept."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor


def fused_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **options: Any) -> Tensor:
    """:func:`torch.nn.functional.scaled_dot_product_attention`, with inputs laid out for its fused kernels.

    The fused kernels need channels side by side in memory. For any other layout PyTorch silently falls back to a
    form that holds the whole L x S map.

    Args:
        q: Queries.
        k: Keys.
        v: Values.
        mask: Boolean, which keys take part; or floating-point, added to the logits.
        options: Further arguments of PyTorch's function.

    Shape:
        q (N, heads, L, d), k and v (N, heads, S, d), mask broadcastable to (N, heads, L, S) -> (N, heads, L, d).
    """
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
