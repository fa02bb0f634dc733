"""What a place attends to in local attention, and in the attention stem: SASA."""

import torch
import torch.nn.functional as F
from torch import Tensor

from ...layers import LocalAttention2d, SpatiallyAwareAttention
from .weights import Place, Values


def window_weights(layer: LocalAttention2d, place: Place, x: Tensor) -> list[Values]:
    """Weights in the window around a place.

    With a stride of 2 the result at a place is the average of four; so are the weights, in one window larger by a row
    and a column.
    """
    stride, size = layer.stride[0], layer.kernel_size[0]
    side = place.stride / stride
    top, left = place.row * stride, place.column * stride
    total = x.new_zeros(layer.heads, size + stride - 1, size + stride - 1)
    rows, columns = range(top, min(top + stride, x.shape[2])), range(left, min(left + stride, x.shape[3]))
    for row in rows:
        for column in columns:
            down, right = row - top, column - left
            total[:, down : down + size, right : right + size] += _window(layer, x, row, column)
    start = size // 2
    total = total / (len(rows) * len(columns))
    return [Values('window', total, (top - start) * side, (left - start) * side, (side, side))]


def _window(layer: LocalAttention2d, x: Tensor, row: int, column: int) -> Tensor:
    """Weights of one pixel of the layer's input: (heads, k, k)."""
    size = layer.kernel_size[0]
    query = F.conv2d(x[:, :, row : row + 1, column : column + 1], layer.query).flatten().unflatten(0, (layer.heads, -1))
    around = _around(x, size, row, column)
    keys = F.conv2d(around, layer.key)[0].unflatten(0, (layer.heads, -1))  # those of the padding are zeros
    of_row, of_column = query.chunk(2, 1)
    logits = (
        torch.einsum('nd,ndst->nst', query, keys)
        + torch.einsum('nd,nds->ns', of_row, layer.rel_row)[:, :, None]
        + torch.einsum('nd,ndt->nt', of_column, layer.rel_col)[:, None]
    )
    if layer.border == 'mask':
        logits = logits.masked_fill(_around(torch.ones_like(x[:, :1]), size, row, column)[0] == 0, -torch.inf)
    return logits.flatten(1).softmax(-1).view_as(logits)


def _around(x: Tensor, size: int, row: int, column: int) -> Tensor:
    """The window around a pixel, with zeros beyond the border: (1, C, size, size)."""
    return F.pad(x, (size // 2,) * 4)[:, :, row : row + size, column : column + size]


def stem_weights(stem: SpatiallyAwareAttention, place: Place, x: Tensor) -> list[Values]:
    """Weights in the block or window of a pixel of the image."""
    size = stem.kernel_size
    if stem.window == 'sliding':
        window, inside = (_around(of, size, place.row, place.column) for of in (x, torch.ones_like(x[:, :1])))
        top, left = place.row - size // 2, place.column - size // 2
    else:
        top, left = place.row // size * size, place.column // size * size
        padded = (F.pad(of, (0, size, 0, size)) for of in (x, torch.ones_like(x[:, :1])))
        window, inside = (of[:, :, top : top + size, left : left + size] for of in padded)
    query, key = (weight.unflatten(0, (stem.heads, -1)) for weight in (stem.query, stem.key))
    queries = torch.einsum('hdc,c->hd', query, x[0, :, place.row, place.column])
    logits = torch.einsum('hd,hdc,cst->hst', queries, key, window[0])
    if stem.border == 'mask':
        logits = logits.masked_fill(inside[0] == 0, -torch.inf)
    weights = logits.flatten(1).softmax(-1).view_as(logits)
    return [Values('window', weights, top, left)]
