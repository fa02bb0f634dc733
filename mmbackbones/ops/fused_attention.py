"""PyTorch's fused attention, with inputs that its fast kernels accept."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from .recording import is_recording

# cuDNN and other kernels number the batch by the second or third dimension of a CUDA grid, which ends here.
MAX_BATCH = 65535


def fused_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **options: Any) -> Tensor:
    """:func:`torch.nn.functional.scaled_dot_product_attention`, with inputs laid out for its fused kernels.

    The fused kernels need channels side by side in memory. For any other layout PyTorch silently falls back to a
    form that holds the whole L x S map. On GPUs, a batch of more than 65,535, such as the grid cells of many large
    images, is computed in parts.

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
    if q.device.type == 'cpu' or is_recording() or q.shape[0] <= MAX_BATCH:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
    return attention_in_parts(q, k, v, mask, MAX_BATCH, **options)


def attention_in_parts(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, size: int, **options: Any) -> Tensor:
    """:func:`fused_attention`, computed for at most `size` of the batch at a time."""
    masks = [None] * -(-len(q) // size) if mask is None else mask.expand(len(q), -1, -1, -1).split(size)
    parts = zip(q.split(size), k.split(size), v.split(size), masks, strict=True)
    return torch.cat([F.scaled_dot_product_attention(*part, **options) for part in parts])
