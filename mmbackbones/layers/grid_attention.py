"""Multi-head attention over feature maps: over the whole map, and inside the cells of a grid."""

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


def grid_attention(qkv: Tensor, head_dim: int, grid_size: int) -> Tensor:
    """Attention of every pixel to the pixels of its own cell, in a grid of cells of `grid_size` x `grid_size` pixels.

    A map that is not a whole number of cells is padded at the bottom and the right; padding is never attended to.

    Args:
        qkv: Queries, keys and values, concatenated along the channels.
        head_dim: Channels per head.
        grid_size: Side of a cell, in pixels.

    Shape:
        (N, 3 C, H, W) -> (N, C, H, W), channels-last in memory.
    """
    n, c, h, w = qkv.shape
    g, num_heads = grid_size, c // 3 // head_dim
    rows, columns = (h + g - 1) // g, (w + g - 1) // g
    cells = F.pad(qkv.permute(0, 2, 3, 1), (0, 0, 0, columns * g - w, 0, rows * g - h))
    cells = cells.reshape(n, rows, g, columns, g, 3, num_heads, head_dim).permute(5, 0, 1, 3, 6, 2, 4, 7)
    q, k, v = cells.reshape(3, n * rows * columns, num_heads, g * g, head_dim).unbind()
    mask = None
    # Recorded once for every size, a map that happens to fill its cells needs the mask all the same.
    if is_recording() or h % g or w % g:
        mask = _inside(h, w, rows, columns, g, qkv.device).repeat(n, 1, 1, 1)
    y = fused_attention(q, k, v, mask)
    y = y.reshape(n, rows, columns, num_heads, g, g, head_dim).permute(0, 1, 4, 2, 5, 3, 6)
    return crop(y.reshape(n, rows * g, columns * g, c // 3).permute(0, 3, 1, 2), h, w)


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
