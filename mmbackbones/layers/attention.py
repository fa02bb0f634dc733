"""Multi-head attention of tokens that never holds the attention map in memory."""

from torch import Tensor, nn

from ..ops import fused_attention, linear_pointwise
from .layer_scale import scaled_linear


def multi_head_attention(q: Tensor, k: Tensor, v: Tensor, num_heads: int) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` in each head of d = C / num_heads channels, by PyTorch's fused attention.

    Heads are views of the channels, and nothing of the size L x S is kept for the backward pass. So q, k and v may be
    parts of one projection: ``q, k, v = qkv(x).chunk(3, -1)``.

    Shape:
        q (N, L, C), k and v (N, S, C) -> (N, L, C).
    """
    q, k, v = (tokens.unflatten(-1, (num_heads, -1)).transpose(1, 2) for tokens in (q, k, v))
    return fused_attention(q, k, v).transpose(1, 2).flatten(2)


class TokenAttention(nn.Module):
    """Multi-head attention of tokens to a context: ``proj(attention(q(tokens), *kv(context)))``.

    Args:
        channels: Number of channels C.
        num_heads: Number of attention heads; C must be a multiple of it.

    Shape:
        tokens (N, L, C), context (N, S, C) -> (N, L, C).
    """

    def __init__(self, channels: int, num_heads: int) -> None:
        super().__init__()
        self.num_heads = num_heads
        self.q = nn.Linear(channels, channels)
        self.kv = nn.Linear(channels, 2 * channels)
        self.proj = nn.Linear(channels, channels)

    def forward(self, tokens: Tensor, context: Tensor, layer_scale: nn.Module | None = None) -> Tensor:
        """The attention, multiplied by `layer_scale` where it is given."""
        k, v = linear_pointwise(self.kv, context).chunk(2, -1)
        y = multi_head_attention(linear_pointwise(self.q, tokens), k, v, self.num_heads)
        return scaled_linear(self.proj, layer_scale, y)
