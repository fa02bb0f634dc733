"""Multi-head attention over feature maps: over the whole map, and inside the cells of a grid."""
import torch
import torch.nn.functional as F
from torch import Tensor

from .attention import multi_head_attention


def map_attention(q: Tensor, k: Tensor, v: Tensor, head_dim: int) -> Tensor:
    """Every pixel of `q` attends to every pixel of `k` and `v`.

    Shapes:
        q: (N, C, H, W); k, v: (N, C, H', W') -> (N, C, H, W), channels-last in memory. Head n owns the channels from
        n * head_dim on.
    """
    height, width = q.shape[2:]
    tokens = (x.permute(0, 2, 3, 1).flatten(1, 2) for x in (q, k, v))
    y = multi_head_attention(*tokens, num_heads=q.shape[1] // head_dim)
    return y.unflatten(1, (height, width)).permute(0, 3, 1, 2)


def grid_attention(qkv: Tensor, head_dim: int, grid_size: int) -> Tensor:
    """Every pixel attends to the pixels of its own cell in a grid of `grid_size` x `grid_size` pixel cells.

    A map that is no whole number of cells is filled up at the bottom and the right; nothing attends to the filling.

    Shapes: queries, keys and values, stacked: (N, 3 C, H, W) -> (N, C, H, W), channels-last in memory.
    """
    n, c, h, w = qkv.shape
    g, c = grid_size, c // 3
    qkv = F.pad(qkv.permute(0, 2, 3, 1), (0, 0, 0, -w % g, 0, -h % g))
    rows, columns = qkv.shape[1] // g, qkv.shape[2] // g
    qkv = qkv.reshape(n, rows, g, columns, g, 3, c // head_dim, head_dim).permute(5, 0, 1, 3, 6, 2, 4, 7)
    q, k, v = qkv.reshape(3, n * rows * columns, c // head_dim, g * g, head_dim)
    y = F.scaled_dot_product_attention(q, k, v, attn_mask=_inside(n, h, w, g, qkv.device))
    y = y.reshape(n, rows, columns, c // head_dim, g, g, head_dim).permute(0, 1, 4, 2, 5, 3, 6)
    return y.reshape(n, rows * g, columns * g, c)[:, :h, :w].permute(0, 3, 1, 2)


def _inside(n: int, h: int, w: int, g: int, device: torch.device) -> Tensor | None:
    """Which pixels of each cell belong to the map, (N cells, 1, 1, g g); None if all do."""
    if h % g == 0 and w % g == 0:
        return None
    inside = F.pad(torch.ones(h, w, dtype=torch.bool, device=device), (0, -w % g, 0, -h % g))
    rows, columns = inside.shape[0] // g, inside.shape[1] // g
    return inside.reshape(rows, g, columns, g).transpose(1, 2).reshape(-1, 1, 1, g * g).repeat(n, 1, 1, 1)
