"""What a place attends to in the steps of hierarchical attention: TransCNN and HAT-Net."""

import torch
from torch import Tensor

from ...layers import CascadedSelfAttention2d, HierarchicalSelfAttention2d, MultiHeadSelfAttention2d
from ...layers.grid_attention import grid_attention
from ...ops import pool_windows
from .weights import Place, Values, map_weights


def full_weights(layer: MultiHeadSelfAttention2d, place: Place, x: Tensor) -> list[Values]:
    """Weights over the whole map."""
    q, k, _ = layer.qkv(layer.norm(x)).chunk(3, 1)
    return [_over_map(q, k, layer.head_dim, place, 1)]


def two_step_weights(layer: HierarchicalSelfAttention2d, place: Place, x: Tensor) -> list[Values]:
    """Weights inside the place's cell of the grid, then over the pooled map; and both over the image."""
    normed = layer.norm(x)
    local = _in_cell(layer.qkv(normed), layer.head_dim, layer.grid_size, place, 1, 'grid')
    grid = layer.grid_norm(grid_attention(normed, layer.qkv, layer.head_dim, layer.grid_size, residual=x))
    keys = layer.kv(layer.pool_norm(pool_windows(grid, layer.pool_ratio))).chunk(2, 1)[0]
    distant = _over_map(layer.q(grid), keys, layer.head_dim, place, layer.pool_ratio)
    return [local, distant, _together([local, distant], place, x)]


def cascaded_weights(layer: CascadedSelfAttention2d, place: Place, x: Tensor) -> list[Values]:
    """Weights inside the place's cell in each step, then over what is left of the map; and all over the image."""
    whole, steps, tokens = x, list[Values](), 1
    for norm, project, grid_size in zip(layer.norms, layer.qkvs, layer.grid_sizes, strict=False):
        normed = norm(x)
        kind = f'grid-{len(steps) + 1}' if steps else 'grid'
        steps.append(_in_cell(project(normed), layer.head_dim, grid_size, place, tokens, kind))
        x = grid_attention(normed, project, layer.head_dim, grid_size, residual=x)
        x = pool_windows(x, grid_size, 'max') + pool_windows(x, grid_size)
        tokens *= grid_size
    q, k, _ = layer.qkvs[-1](layer.norms[-1](x)).chunk(3, 1)
    steps.append(_over_map(q, k, layer.head_dim, place, tokens, of_tokens=True))
    return [*steps, _together(steps, place, whole)] if len(steps) > 1 else steps


def _in_cell(qkv: Tensor, head_dim: int, grid_size: int, place: Place, tokens: int, kind: str) -> Values:
    """Weights inside the grid cell of a place.

    Args:
        qkv: Queries, keys and values, (1, 3 C, h, w).
        head_dim: Channels per head.
        grid_size: Side of a grid cell, in pixels of this map.
        place: The place, on the stage's map.
        tokens: Side of a pixel of this map, in pixels of the stage's map.
        kind: What to call it.
    """
    q, k, _ = qkv[0].chunk(3, 0)
    row, column = place.row // tokens, place.column // tokens
    top, left = row // grid_size * grid_size, column // grid_size * grid_size
    keys = k[:, top : top + grid_size, left : left + grid_size]  # the map's border cuts off the padding
    side = place.stride * tokens
    return Values(kind, map_weights(q[:, row, column], keys, len(q) // head_dim), top * side, left * side, (side, side))


def _over_map(q: Tensor, k: Tensor, head_dim: int, place: Place, tokens: int, of_tokens: bool = False) -> Values:
    """Weights over all of a map whose pixels are `tokens` wide; `of_tokens`: the queries are such pixels, too."""
    row, column = (index // tokens if of_tokens else index for index in (place.row, place.column))
    side = place.stride * tokens
    return Values('global', map_weights(q[0, :, row, column], k[0], k.shape[1] // head_dim), cell=(side, side))


def _together(steps: list[Values], place: Place, x: Tensor) -> Values:
    """The mean of all steps, whose results the layer adds up, each weight shared evenly by the pixels of its cell."""
    shares = [_shares(step, place.stride, x.shape[2:]) for step in steps]
    return Values('combined', torch.stack(shares).mean(0)[None], cell=(place.stride, place.stride))


def _shares(step: Values, stride: int, size: torch.Size) -> Tensor:
    """The weights of a step, averaged over heads, of each pixel of the stage's map: (H, W)."""
    mean = step.values.mean(0)
    starts, side = (step.top, step.left), step.cell[0] / stride
    rows, columns = (
        _share_of_pixel(length, start / stride, side, cells).to(mean)
        for length, start, cells in zip(size, starts, mean.shape, strict=True)
    )
    return rows @ mean @ columns.T


def _share_of_pixel(length: int, start: float, side: float, cells: int) -> Tensor:
    """(length, cells): the share of each cell that belongs to a pixel, along one side of the map."""
    cell = torch.div(torch.arange(length) - start, side, rounding_mode='floor')
    covered = (cell[:, None] == torch.arange(cells)).double()
    return covered / covered.sum(0)
