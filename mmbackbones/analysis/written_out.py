"""Local attention as it is defined, in products of matrices, so that they can be counted."""

from contextlib import contextmanager
from unittest.mock import patch

import torch
import torch.nn.functional as F
from torch import Tensor

from ..layers import SpatiallyAwareAttention


def attention_in_products(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor, rel_col: Tensor, kernel_size: int = 7, border: str = 'zeros'
) -> Tensor:
    """:func:`mmbackbones.ops.local_attention` with k x k copies, q . r being taken for each of the k x k neighbours."""
    size, half = kernel_size, kernel_size // 2

    def windows(x: Tensor) -> Tensor:
        """(B, heads, d, H, W) -> (B, heads, H, W, d, size * size)."""
        return F.pad(x, (half,) * 4).unfold(3, size, 1).unfold(4, size, 1).movedim(2, 4).flatten(5)

    embeddings = torch.cat(
        (rel_row[..., None].expand(-1, -1, -1, size), rel_col[:, :, None].expand(-1, -1, size, -1)), 1
    ).flatten(2)
    queries = q.movedim(2, 4)
    logits = (queries[..., None, :] @ windows(k))[..., 0, :] + (queries.flatten(2, 3) @ embeddings).view(
        *queries.shape[:4], -1
    )
    if border == 'mask':
        logits = logits.masked_fill(windows(torch.ones_like(q[:1, :1, :1]))[..., 0, :] == 0, -torch.inf)
    return (windows(v) @ logits.softmax(-1)[..., None])[..., 0].movedim(4, 2)


def stem_in_products(stem: SpatiallyAwareAttention, x: Tensor) -> Tensor:
    """The attention stem's ``forward``, with the keys and every mixture's values of each pixel projected first."""

    def projected(weight: Tensor) -> Tensor:
        return F.conv2d(x, weight.flatten(0, -2)[:, :, None, None])

    queries, _, inside = stem.memory_blocks(projected(stem.query))
    keys, values = (stem.memory_blocks(projected(weight))[1] for weight in (stem.key, stem.value))
    values = torch.einsum('ms,nlsmc->nlsc', stem.mixture().flatten(1), values.unflatten(3, (len(stem.value), -1)))
    queries, keys, values = (part.unflatten(3, (stem.heads, -1)).transpose(2, 3) for part in (queries, keys, values))
    logits = queries @ keys.mT
    if stem.border == 'mask':
        logits = logits.masked_fill(~inside[:, :, None, None], -torch.inf)
    y = (logits.softmax(-1) @ values).transpose(2, 3).flatten(3)
    return stem.join(y.permute(0, 3, 1, 2), x.shape[2:])


@contextmanager
def explicit_local_attention():
    """Inside, local attention and the attention stem are computed as the paper writes them."""
    with (
        patch('mmbackbones.layers.local_attention.local_attention', attention_in_products),
        patch.object(SpatiallyAwareAttention, 'forward', stem_in_products),
    ):
        yield
