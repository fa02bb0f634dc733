"""Attention as matrix products with all of its weights in memory: a baseline to measure against, and a form to count.

Fused kernels and rearranged sums are faster, but their multiply-adds do not show, or are fewer than the definition has.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from ..layers import LocalAttention2d, SpatiallyAwareAttention


def softmax_attention(q: Tensor, k: Tensor, v: Tensor, attn_mask: Tensor | None = None) -> Tensor:
    """``softmax(q k^T / sqrt(d)) v`` with the whole matrix of weights in memory.

    Shape:
        q (..., L, d), k (..., S, d), v (..., S, e), `attn_mask` boolean, broadcast to (..., L, S) -> (..., L, e).
    """
    scores = (q * q.shape[-1] ** -0.5) @ k.transpose(-2, -1)
    if attn_mask is not None:
        scores = scores.masked_fill(~attn_mask, -torch.inf)
    return torch.matmul(scores.softmax(-1), v)


class _SoftmaxAttentionMode(TorchFunctionMode):
    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        if func is F.scaled_dot_product_attention:
            func = softmax_attention
        return func(*args, **(kwargs or {}))


@contextmanager
def explicit_attention() -> Iterator[None]:
    """A context, or decorator, in which PyTorch's scaled-dot-product attention is :func:`softmax_attention`."""
    with _SoftmaxAttentionMode():
        yield


def local_attention_products(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor, rel_col: Tensor, kernel_size: int = 7, border: str = 'zeros'
) -> Tensor:
    """:func:`mmbackbones.ops.local_attention` with k x k copies of k and v, and q . r for each of the k x k neighbors.

    Shape:
        As :func:`mmbackbones.ops.local_attention`.
    """
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


def _layer_forward(layer: LocalAttention2d, x: Tensor) -> Tensor:
    """``LocalAttention2d.forward`` with :func:`local_attention_products`."""
    projected = F.conv2d(x, torch.cat((layer.query, layer.key, layer.value.weight)))
    q, k, v = (torch.unflatten(part, 1, (layer.heads, -1)) for part in projected.chunk(3, 1))
    y = local_attention_products(q, k, v, layer.rel_row, layer.rel_col, layer.kernel_size[0], layer.border).flatten(
        1, 2
    )
    if layer.stride == (2, 2):
        y = F.avg_pool2d(y, 2, ceil_mode=True)
    return y if layer.bias is None else y + layer.bias[:, None, None]


def _stem_forward(stem: SpatiallyAwareAttention, x: Tensor) -> Tensor:
    """``SpatiallyAwareAttention.forward`` with each pixel's keys, and its values of every mixture, projected first."""

    def projected(weight: Tensor) -> Tensor:
        return F.conv2d(x, weight.flatten(0, -2)[:, :, None, None])

    queries, _, inside = stem.memory_blocks(projected(stem.query))
    keys, values = (stem.memory_blocks(projected(weight))[1] for weight in (stem.key, stem.value))
    values = torch.unflatten(values, 3, (len(stem.value), -1))
    values = torch.einsum('ms,nlsmc->nlsc', stem.mixture().flatten(1), values)
    queries, keys, values = (
        torch.unflatten(part, 3, (stem.heads, -1)).transpose(2, 3) for part in (queries, keys, values)
    )
    logits = queries @ keys.mT
    if stem.border == 'mask':
        logits = logits.masked_fill(~inside[:, :, None, None], -torch.inf)
    y = (logits.softmax(-1) @ values).transpose(2, 3).flatten(3)
    return stem.join(y.permute(0, 3, 1, 2), x.shape[2:])


def use_explicit_local_attention(model: nn.Module) -> None:
    """Let all local attention and attention stems of `model` compute the products that the paper defines, from now on.

    The results are the same, up to rounding.
    """
    forwards: dict[type[nn.Module], Callable[..., Tensor]] = {
        LocalAttention2d: _layer_forward,
        SpatiallyAwareAttention: _stem_forward,
    }
    for module in model.modules():
        if forward := forwards.get(type(module)):
            module.forward = partial(forward, module)
