"""Multi-head attention over feature maps: over the whole map, and inside the cells of a grid."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from ..ops import fused_attention, is_exporting, is_recording
from .attention import multi_head_attention


def map_attention(q: Tensor, k: Tensor, v: Tensor, head_dim: int) -> Tensor:
    """Attention of every pixel of `q` to every pixel of `k` and `v`.

    Args:
        q: Queries.
        k: Keys.
        v: Values.
        head_dim: Channels per head; head n owns the channels from n * head_dim on.

    Shape:
        q (N, C, H, W), k and v (N, C, H', W') -> (N, C, H, W), channels-last in memory.
    """
    height, width = q.shape[2:]
    queries, keys, values = (x.permute(0, 2, 3, 1).flatten(1, 2) for x in (q, k, v))
    y = multi_head_attention(queries, keys, values, num_heads=q.shape[1] // head_dim)
    return y.unflatten(1, (height, width)).permute(0, 3, 1, 2)


def grid_attention(
    x: Tensor, qkv: Callable[[Tensor], Tensor], head_dim: int, grid_size: int, residual: Tensor
) -> Tensor:
    """Attention of every pixel to the pixels of its own cell, in a grid of cells of `grid_size` x `grid_size` pixels.

    A map that is not a whole number of cells is padded at the bottom and the right; padding is never attended to.

    The map is split into cells before its projection to queries, keys and values, which are three times as large, and
    joined by the addition of `residual`.

    Args:
        x: The feature maps.
        qkv: Their projection to queries, keys and values, concatenated along the channels, which looks at one pixel at
            a time.
        head_dim: Channels per head.
        grid_size: Side of a cell, in pixels.
        residual: What is added to the attention.

    Shape:
        x (N, C', H, W), qkv (N, C', H, W) -> (N, 3 C, H, W), residual (N, C, H, W) -> (N, C, H, W), in the memory
        format of `residual`.
    """
    n, c, h, w = residual.shape
    if not is_recording() and n == 0:
        return residual + qkv(x)[:, :c]  # convolutions take no images, but no map without cells
    g = grid_size
    rows, columns = (h + g - 1) // g, (w + g - 1) // g
    x, residual = (t.permute(0, 2, 3, 1) for t in (x, residual))
    # Recorded once for every size, a map that happens to fill its cells is padded and masked all the same.
    incomplete = is_recording() or h % g != 0 or w % g != 0
    if incomplete:
        x = F.pad(x, (0, 0, 0, columns * g - w, 0, rows * g - h))
    # One map for all images, with a cell in each row: channels-last, and no batch too large for a GPU's convolutions.
    cells = _split(x, rows, columns).transpose(2, 3).reshape(1, n * rows * columns, g * g, x.shape[-1])
    projected = qkv(cells.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
    q, k, v = projected.view(n * rows * columns, g * g, 3, c // head_dim, head_dim).permute(2, 0, 3, 1, 4).unbind()
    mask = _inside(h, w, rows, columns, g, x.device).repeat(n, 1, 1, 1) if incomplete else None
    y = fused_attention(q, k, v, mask).transpose(1, 2)
    y = y.reshape(n, rows, columns, g, g, c).transpose(2, 3)
    if incomplete:
        return residual.permute(0, 3, 1, 2) + crop(_join(y).permute(0, 3, 1, 2), h, w)
    return _join(_split(residual, rows, columns) + y).permute(0, 3, 1, 2)


def _split(x: Tensor, rows: int, columns: int) -> Tensor:
    """(N, H, W, C) -> (N, rows, H / rows, columns, W / columns, C), a view."""
    return x.unflatten(2, (columns, x.shape[2] // columns)).unflatten(1, (rows, x.shape[1] // rows))


def _join(x: Tensor) -> Tensor:
    """The inverse of :func:`_split`."""
    return x.flatten(3, 4).flatten(1, 2)


def crop(x: Tensor, height: int, width: int) -> Tensor:
    """The upper left corner of a feature map: (N, C, H, W) -> (N, C, height, width)."""
    if not is_recording():
        return x[..., :height, :width]
    if not is_exporting():
        # Compiled, a view would be asked whether it is contiguous, and the graph hold for maps of the same answer only.
        return F.pad(x, (0, width - x.shape[3], 0, height - x.shape[2]))
    # A view has the strides of the larger map, so that `torch.export` would restrict the file to sizes for which these
    # differ from the smaller map's in the same way.
    row, column = (torch.arange(length, device=x.device) for length in (height, width))
    return x.index_select(2, row).index_select(3, column)


def _inside(h: int, w: int, rows: int, columns: int, g: int, device: torch.device) -> Tensor:
    """Which pixels of each cell belong to the map, (cells, 1, 1, g g)."""
    row, column = torch.arange(rows * g, device=device) < h, torch.arange(columns * g, device=device) < w
    inside = row[:, None] & column
    return inside.reshape(rows, g, columns, g).transpose(1, 2).reshape(-1, 1, 1, g * g)
