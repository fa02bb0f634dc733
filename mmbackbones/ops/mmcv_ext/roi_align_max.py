"""RoIAlign with maximum pooling."""

from functools import reduce

import torch
from torch import Tensor

from .roi_sampling import bins, interpolation


def roi_align_max(
    features: Tensor,
    rois: Tensor,
    output_size: tuple[int, int],
    spatial_scale: float,
    sampling_ratio: int,
    aligned: bool,
) -> tuple[Tensor, Tensor, Tensor]:
    """Pool the largest sample of each bin, and its position.

    The first samples of all bins are compared with the second, the third, and so on, so that memory does not grow with
    the number of samples.

    Args:
        features: [n, c, h, w].
        rois: [k, 5].
        output_size: Number of bins along y and x.
        spatial_scale: Size of the feature map relative to the image.
        sampling_ratio: Samples per bin and axis; 0 for one per cell of the feature map, rounded up.
        aligned: Shift regions by half a cell.

    Returns:
        Value, y and x on the feature map, [k, c, height, width] each. A region without samples has the value -10000, as
        in mmcv, and y = x = -2, which is off the map and so gets no gradient.
    """
    features = features.contiguous()
    rows, columns = output_size
    image, x1, y1, x2, y2 = rois.unbind(1)
    y_bins = bins(y1, y2, rows, spatial_scale, sampling_ratio, aligned)
    x_bins = bins(x1, x2, columns, spatial_scale, sampling_ratio, aligned)
    row = torch.arange(rows, device=rois.device)
    column = torch.arange(columns, device=rois.device)
    value = features.new_full((len(rois), features.size(1), rows, columns), -10000.0)
    at_y, at_x = torch.full_like(value, -2), torch.full_like(value, -2)
    for i in range(int(y_bins.samples.max())):
        for j in range(int(x_bins.samples.max())):
            k = ((y_bins.samples > i) & (x_bins.samples > j)).nonzero()[:, 0]
            y = y_bins.of(k).at(row, i)[:, None, :, None]
            x = x_bins.of(k).at(column, j)[:, None, None, :]
            sample = _bilinear(features, image[k].long(), y, x)
            larger = sample > value[k]
            value[k] = torch.where(larger, sample, value[k])
            at_y[k] = torch.where(larger, y, at_y[k])
            at_x[k] = torch.where(larger, x, at_x[k])
    return value, at_y, at_x


def roi_align_max_backward(grad: Tensor, rois: Tensor, y: Tensor, x: Tensor, shape: torch.Size) -> Tensor:
    """The gradient of the features, [n, c, h, w] = `shape`, from that of the result, `grad` [k, c, height, width]."""
    features_grad = grad.new_zeros(shape).flatten()
    plane = rois[:, :1].long() * shape[1] + torch.arange(shape[1], device=rois.device)  # [k, c], of all n * c planes
    for cell, weight in _corners(plane[:, :, None, None], y.to(grad), x.to(grad), shape):
        features_grad.index_add_(0, cell.flatten(), (weight * grad).flatten())
    return features_grad.view(shape)


def _bilinear(features: Tensor, image: Tensor, y: Tensor, x: Tensor) -> Tensor:
    """Features of k images at y [k, 1, height, 1] and x [k, 1, 1, width]: [k, c, height, width]."""
    planes = image[:, None] * features.size(1) + torch.arange(features.size(1), device=image.device)
    values = features.flatten()
    corners = _corners(planes[:, :, None, None], y, x, features.shape)
    return reduce(torch.add, (weight * values[cell] for cell, weight in corners))


def _corners(plane: Tensor, y: Tensor, x: Tensor, shape: torch.Size) -> list[tuple[Tensor, Tensor]]:
    """The four cells around each point, as flat indices into features of `shape`, and their weights."""
    height, width = shape[2:]
    y_low, y_high, y_low_weight, y_high_weight = interpolation(y, height)
    x_low, x_high, x_low_weight, x_high_weight = interpolation(x, width)
    return [
        ((plane * height + i) * width + j, v * u)
        for i, v in ((y_low, y_low_weight), (y_high, y_high_weight))
        for j, u in ((x_low, x_low_weight), (x_high, x_high_weight))
    ]
