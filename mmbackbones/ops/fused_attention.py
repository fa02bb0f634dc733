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
    images, is computed in parts. On CPUs, bfloat16 is computed in float32 where there are gradients: with its backward
    pass, the kernel for bfloat16 takes up to 2.5 times as long.

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
    if _learns_in_bfloat16(q, k, v):
        with torch.autocast('cpu', enabled=False):
            queries, keys, values = q.float(), k.float(), v.float()
            return F.scaled_dot_product_attention(queries, keys, values, attn_mask=mask, **options).to(q.dtype)
    if q.device.type == 'cpu' or is_recording() or q.shape[0] <= MAX_BATCH:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
    return attention_in_parts(q, k, v, mask, MAX_BATCH, **options)


def _learns_in_bfloat16(*tensors: Tensor) -> bool:
    """Whether a CPU computes attention of these in bfloat16, with gradients, and nothing records it."""
    return (
        all(x.device.type == 'cpu' and x.dtype == torch.bfloat16 for x in tensors)
        and torch.is_grad_enabled()
        and any(x.requires_grad for x in tensors)
        and not is_recording()
    )


def attention_in_parts(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, size: int, **options: Any) -> Tensor:
    """:func:`fused_attention`, computed for at most `size` of the batch at a time."""
    masks = [None] * -(-len(q) // size) if mask is None else mask.expand(len(q), -1, -1, -1).split(size)
    parts = zip(q.split(size), k.split(size), v.split(size), masks, strict=True)
    return torch.cat([F.scaled_dot_product_attention(*part, **options) for part in parts])
