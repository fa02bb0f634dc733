"""Positions of the samples of RoIAlign along one axis of the feature map, and interpolation there."""

from typing import NamedTuple

import torch
from torch import Tensor


class Bins(NamedTuple):
    """The bins of k regions along one axis, in cells of the feature map.

    Attributes:
        start: [k], start of the first bin.
        size: [k], size of one bin.
        samples: [k], samples per bin, whole numbers as floats.
    """

    start: Tensor
    size: Tensor
    samples: Tensor

    def of(self, regions: Tensor) -> 'Bins':
        """The bins of some of the regions."""
        return Bins(*(x[regions] for x in self))

    def at(self, bin: Tensor, sample: Tensor | int) -> Tensor:
        """Position of a sample of a bin, both [k, m] or broadcastable; samples are evenly spaced inside their bin."""
        start, size, samples = (x[:, None] for x in self)
        return start + bin * size + (sample + 0.5) * size / samples


def bins(low: Tensor, high: Tensor, count: int, spatial_scale: float, sampling_ratio: int, aligned: bool) -> Bins:
    """Cut regions from `low` to `high` ([k], in image pixels) into `count` bins.

    A `sampling_ratio` of 0 means one sample per cell, rounded up, so none if a region is empty or inside out. Regions
    that are not finite have none either.
    """
    offset = 0.5 if aligned else 0.0
    start = low * spatial_scale - offset
    length = high * spatial_scale - offset - start
    if not aligned:
        length = length.clamp_min(1)
    size = length / count
    finite = (start + size).isfinite()
    start, size = torch.where(finite, start, 0), torch.where(finite, size, 0)
    if sampling_ratio > 0:
        samples = torch.full_like(size, sampling_ratio)
    else:  # the limit only keeps integers exact in float32
        samples = size.float().ceil().clamp(0, 2**16).to(size.dtype)
    return Bins(start, size, samples * finite)


def interpolation(position: Tensor, length: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """The two cells next to a position on an axis of `length` cells, and their weights.

    Positions up to one cell outside take the value at the border; further out both weights are 0.
    """
    inside = (position >= -1) & (position <= length)
    position = torch.where(inside, position, 0).clamp(0, length - 1)
    low = position.floor()
    high_weight = (position - low) * inside
    low_weight = (1 - (position - low)) * inside
    low = low.long()
    return low, (low + 1).clamp_max(length - 1), low_weight, high_weight


def axis_weights(axis: Bins, count: int, length: int) -> Tensor:
    """The mean of the samples in each bin, as a combination of the cells of the axis: [k, count, length].

    Only samples that can lie on the map are visited, so the work is bounded by the map's size, not the region's.
    """
    per_bin = axis.samples.clamp_min(1)
    total = axis.samples * count
    step = (axis.size / per_bin).clamp_min(torch.finfo(axis.size.dtype).tiny)
    # Two spare samples on either side allow for round-off.
    first = torch.minimum(((-1 - axis.start) / step - 2).floor().clamp_min(0), total)
    visible = torch.minimum(((length + 1) / step).ceil() + 4, total - first)
    sample = first.long()[:, None] + torch.arange(int(visible.max()), device=step.device)
    exists = sample < total[:, None]
    bin = (sample // per_bin.long()[:, None]).clamp_max(count - 1)
    axis = axis._replace(samples=per_bin)
    low, high, low_weight, high_weight = interpolation(axis.at(bin, sample - bin * per_bin[:, None]), length)
    scale = exists / per_bin[:, None]
    weights = step.new_zeros(len(step), count * length)
    weights.scatter_add_(1, bin * length + low, low_weight * scale)
    weights.scatter_add_(1, bin * length + high, high_weight * scale)
    return weights.view(-1, count, length)
