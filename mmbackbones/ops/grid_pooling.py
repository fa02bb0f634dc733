"""Average pooling to a fixed grid, which can be exported for maps of any size."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .recording import is_exporting


def pool_to_grid(x: Tensor, grid: tuple[int, int]) -> Tensor:
    """:func:`torch.nn.functional.adaptive_avg_pool2d`, also where it is exported for maps of any size.

    ONNX has no such operator. Cell i of n covers the pixels from floor(i H / n) to ceil((i + 1) H / n), so pooling is a
    matrix product on either side.

    Args:
        x: The feature maps.
        grid: Rows and columns of the result.

    Shape:
        (N, C, H, W) -> (N, C, rows, columns).
    """
    if not is_exporting():
        return F.adaptive_avg_pool2d(x, grid)
    rows, columns = grid
    return _shares(rows, x.shape[2], x) @ x @ _shares(columns, x.shape[3], x).T


def _shares(cells: int, length: int, like: Tensor) -> Tensor:
    """(cells, length): the weight of each pixel in each cell, along one side."""
    cell = torch.arange(cells, device=like.device)[:, None]
    pixel = torch.arange(length, device=like.device)
    covered = ((pixel + 1) * cells > cell * length) & (pixel * cells < (cell + 1) * length)
    return covered.to(like.dtype) / covered.to(like.dtype).sum(1, keepdim=True)
