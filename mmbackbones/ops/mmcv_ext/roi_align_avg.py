"""RoIAlign with average pooling as a sparse matrix product.

Bilinear interpolation on a grid is separable: a bin is a sum over a few cells of the feature map, whose weights are
products of one factor per axis. With the map as a table that has one row of channels per cell, pooling is a weighted
sum of rows per bin, which is what `embedding_bag` does; the gradient is the transposed sum, of bins per cell.
"""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor

from .roi_sampling import axis_weights, bins

_TABLE = 2**22  # weights along one axis that are held at a time
_TERMS = 2**20  # products of a weight and a cell that are summed at a time


class Terms(NamedTuple):
    """The summands of all bins of some regions, ordered by bin.

    Attributes:
        bins: The rows of the output [k * height * width, c] that they yield.
        bin: [t], row of the output.
        cell: [t], row of the feature map [n * h * w, c].
        weight: [t], factor of the cell.
        bin_sizes: [bins], number of terms in each of `bins`.
    """

    bins: slice
    bin: Tensor
    cell: Tensor
    weight: Tensor
    bin_sizes: Tensor


def roi_align_avg(
    features: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Tensor:
    """Pool features [n, c, h, w] at rois [k, 5] to [k, c, height, width]; arguments as `torchvision.ops.roi_align`."""
    cells = _as_rows(features)
    pooled = cells.new_empty(len(rois) * output_size[0] * output_size[1], cells.size(1))
    for terms in _terms(rois, features.shape, output_size, spatial_scale, sampling_ratio, aligned):
        pooled[terms.bins] = _weighted_sums(cells, terms.cell, terms.weight, terms.bin_sizes)
    return _as_maps(pooled, (len(rois), features.size(1), *output_size))


def roi_align_avg_backward(
    grad: Tensor, rois: Tensor, shape: torch.Size, spatial_scale: float, sampling_ratio: int, aligned: bool
) -> Tensor:
    """The gradient of the features, [n, c, h, w] = `shape`, from that of the result, `grad` [k, c, height, width]."""
    pooled_grad = _as_rows(grad)
    n, c, h, w = shape
    cells_grad = pooled_grad.new_zeros(n * h * w, c)
    for terms in _terms(rois, shape, grad.shape[2:], spatial_scale, sampling_ratio, aligned):
        by_cell = terms.cell.argsort(stable=True)
        touched, count = terms.cell[by_cell].unique_consecutive(return_counts=True)
        cells_grad[touched] += _weighted_sums(pooled_grad, terms.bin[by_cell], terms.weight[by_cell], count)
    return _as_maps(cells_grad, shape)


def _as_rows(maps: Tensor) -> Tensor:
    """[n, c, h, w] -> [n * h * w, c]: channels side by side, so that a cell is one contiguous piece of memory."""
    return maps.permute(0, 2, 3, 1).reshape(-1, maps.size(1)).contiguous()


def _as_maps(rows: Tensor, shape: tuple[int, ...]) -> Tensor:
    n, c, h, w = shape
    return rows.view(n, h, w, c).permute(0, 3, 1, 2)


def _weighted_sums(rows: Tensor, index: Tensor, weight: Tensor, count: Tensor) -> Tensor:
    """Sums of count[0], count[1], ... consecutive `weight * rows[index]`: [len(count), c]."""
    ends = F.pad(count.cumsum(0), (1, 0))
    return F.embedding_bag(index, rows, ends, mode='sum', per_sample_weights=weight, include_last_offset=True)


def _terms(
    rois: Tensor,
    shape: torch.Size,
    output_size: Sequence[int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> Iterator[Terms]:
    """All terms, in portions of bounded size; only a single region as large as the map may exceed it."""
    height, width = shape[2:]
    rows, columns = output_size
    per_roi = rows * columns
    portion = max(1, _TABLE // max(rows * height, columns * width))
    for start in range(0, len(rois), portion):
        image, x1, y1, x2, y2 = rois[start : start + portion].unbind(1)
        y_bins = bins(y1, y2, rows, spatial_scale, sampling_ratio, aligned)
        x_bins = bins(x1, x2, columns, spatial_scale, sampling_ratio, aligned)
        y_count, y_first, y, y_weight = _nonzero(axis_weights(y_bins, rows, height))
        x_count, x_first, x, x_weight = _nonzero(axis_weights(x_bins, columns, width))
        count = y_count[:, :, None] * x_count[:, None, :]  # [k, rows, columns]
        group = count.sum((1, 2)).cumsum(0) // _TERMS
        for k in torch.arange(len(image), device=image.device).split(_run_lengths(group)):
            n = count[k].flatten()
            bin = torch.arange(len(n), device=n.device).repeat_interleave(n)
            roi, row, column = k[bin // per_roi], bin // columns % rows, bin % columns
            # The terms of a bin are all pairs of its terms along y and along x.
            pair = torch.arange(len(bin), device=n.device) - (n.cumsum(0) - n)[bin]
            n_x = x_count[roi, column]
            at_y = y_first[roi, row] + pair // n_x
            at_x = x_first[roi, column] + pair % n_x
            cell = (image.long()[roi] * height + y[at_y]) * width + x[at_x]
            first = (start + int(k[0])) * per_roi
            yield Terms(slice(first, first + len(n)), bin + first, cell, y_weight[at_y] * x_weight[at_x], n)


def _nonzero(weights: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The nonzero entries of a table [k, bins, length].

    Returns:
        The number of entries of each bin, [k, bins]; the index of its first, [k, bins]; the cells and the values of all
        entries.
    """
    filled = weights != 0
    count = filled.sum(2)
    first = (count.flatten().cumsum(0) - count.flatten()).view_as(count)
    return count, first, filled.nonzero()[:, 2], weights[filled]


def _run_lengths(x: Tensor) -> list[int]:
    """The lengths of the runs of equal values."""
    return x.unique_consecutive(return_counts=True)[1].tolist()
