"""What a place attends to through the semantic tokens, and they to the image: Dual-ViT."""

from typing import cast

import torch
from torch import Tensor

from ...backbones.dualvit import DualBlock, DualViT, MergeBlock
from ...layers import multi_head_attention
from .weights import Place, Values, head_weights

_AT_ONCE = 64  # semantic tokens whose weights over all pixels are in memory


def dual_block_weights(block: DualBlock, place: Place, x: Tensor, z: Tensor) -> list[Values]:
    """Weights of the place on the semantic tokens; of its strongest token on the pixels; of the place by all tokens."""
    height, width = x.shape[1:3]
    semantic, attention = block.semantic, block.attn
    pixels = block.norm1(x).flatten(1, 2)
    context = block.semantic_norm(semantic(z, pixels))
    query = attention.q(pixels[0, place.row * width + place.column])[None]
    on_tokens = head_weights(query, attention.kv(context[0]).chunk(2, -1)[0], attention.num_heads)[:, 0]

    q, k, v = semantic.qkv(semantic.norm1(z)).chunk(3, -1)
    z = z + semantic.layer_scale_1(multi_head_attention(q, k, v, semantic.num_heads))
    queries, keys = semantic.q(semantic.norm2(z))[0], semantic.kv(pixels[0]).chunk(2, -1)[0]
    strongest = int(on_tokens.mean(0).argmax())
    of_token = head_weights(queries[strongest][None], keys, semantic.num_heads)[:, 0]
    through = sum(
        weights @ head_weights(some, keys, semantic.num_heads).mean(0)
        for weights, some in zip(on_tokens.mean(0).split(_AT_ONCE), queries.split(_AT_ONCE), strict=True)
    )
    return [
        _tokens(on_tokens, place),
        _pixels('semantic-to-pixel', of_token, place, height),
        _pixels('via-semantic', cast(Tensor, through)[None], place, height),
    ]


def merge_block_weights(block: MergeBlock, place: Place, x: Tensor, z: Tensor) -> list[Values]:
    """Weights of the place on the pixels and on the semantic tokens; of its strongest token on the pixels."""
    height, width = x.shape[1:3]
    pixels, attention = height * width, block.attn
    tokens = torch.cat((block.norm1(x).flatten(1, 2), block.norm1(z)), 1)[0]
    queries, keys = attention.q(tokens), attention.kv(tokens).chunk(2, -1)[0]
    own = head_weights(queries[place.row * width + place.column][None], keys, attention.num_heads)[:, 0]
    on_pixels, on_tokens = own[:, :pixels], own[:, pixels:]
    strongest = int(on_tokens.mean(0).argmax())
    of_token = head_weights(queries[pixels + strongest][None], keys, attention.num_heads)[:, 0]
    return [
        _tokens(on_tokens, place, elsewhere=on_pixels.sum(1)),
        _pixels('semantic-to-pixel', of_token[:, :pixels], place, height, of_token[:, pixels:].sum(1)),
        _pixels('pixel-to-pixel', on_pixels, place, height, on_tokens.sum(1)),
    ]


def _pixels(kind: str, weights: Tensor, place: Place, height: int, elsewhere: Tensor | None = None) -> Values:
    values = weights.unflatten(1, (height, -1))
    return Values(kind, values, cell=(place.stride, place.stride), elsewhere=elsewhere)


def _tokens(weights: Tensor, place: Place, elsewhere: Tensor | None = None) -> Values:
    """Weights on the semantic tokens, each at the part of the image that it was pooled from."""
    stem = cast(DualViT, place.backbone).stem.semantics
    rows, columns = (-(-length // 4) for length in place.size)  # of the map that they were pooled from
    cell: tuple[float, float]
    if stem.grid is None:
        grid, cell = (rows // 7, columns // 7), (28, 28)
    else:
        grid, cell = stem.grid, (place.size[0] / stem.grid[0], place.size[1] / stem.grid[1])
    return Values('pixel-to-semantic', weights.unflatten(1, grid), cell=cell, elsewhere=elsewhere)
