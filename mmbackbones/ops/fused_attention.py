"""PyTorch's fused attention, given what its kernels take."""
import torch
import torch.nn.functional as F
from torch import Tensor

from .recording import is_recording

# Kernels that number the batch by the second or third dimension of a CUDA grid, cuDNN's among them, end there.
MOST = 65535


def fused_attention(q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None = None, **options) -> Tensor:
    """:func:`torch.nn.functional.scaled_dot_product_attention`, never by the form that builds the map for its sake.

    The fused kernels want channels side by side in memory. Given anything else, PyTorch takes the form that holds the
    whole map of L x S, and does not say so. More than 65,535 in a batch, as grid cells of many large images are, go to
    GPUs in parts.

    `options` are further ones of PyTorch's function.

    Shapes: q (N, heads, L, d), k and v (N, heads, S, d), mask, which is added or says what takes part, broadcastable to
        (N, heads, L, S) -> (N, heads, L, d).
    """
    q, k, v = (x if x.stride(-1) == 1 else x.contiguous() for x in (q, k, v))
    if q.device.type == 'cpu' or is_recording() or q.shape[0] <= MOST:
        return F.scaled_dot_product_attention(q, k, v, attn_mask=mask, **options)
    mask = None if mask is None else mask.expand(q.shape[0], *mask.shape[1:])
    parts = zip(*(x.split(MOST) for x in (q, k, v)), strict=True)
    masks = [None] * len(q.split(MOST)) if mask is None else mask.split(MOST)
    return torch.cat([F.scaled_dot_product_attention(*part, attn_mask=some, **options)
                      for part, some in zip(parts, masks, strict=True)])
