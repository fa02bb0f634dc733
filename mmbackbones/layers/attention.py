"""Multi-head attention without its map in memory."""

from torch import Tensor

from ..ops import fused_attention


def multi_head_attention(q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` for each head, d = C / num_heads, by PyTorch's fused attention.

    Heads are views of the channels and nothing of the size L x S is kept for the backward pass, so q, k and v may be
    parts of one projection: ``multi_head_attention(*qkv(x).chunk(3, -1), num_heads)``.

    Shapes: q (N, L, C), k and v (N, S, C) -> (N, L, C).
    """
    q, k, v = (tokens.unflatten(-1, (num_heads, -1)).transpose(1, 2) for tokens in (q, k, v))
    return fused_attention(q, k, v).transpose(1, 2).flatten(2)
