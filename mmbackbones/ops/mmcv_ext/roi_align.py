"""RoIAlign (He et al., ICCV 2017): average or maximum of bilinear samples in every bin of a region."""

import torch
from torch import Tensor

from .precision import at_least_float32
from .roi_align_avg import roi_align_avg, roi_align_avg_backward
from .roi_align_max import roi_align_max, roi_align_max_backward
from .torchvision_ops import torchvision_ops

_MAX = 0  # pool_mode; 1 is the average


def roi_align_forward(
    input: Tensor,
    rois: Tensor,
    output: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Pool regions of feature maps into `output` [k, c, aligned_height, aligned_width].

    Args:
        input: [n, c, h, w].
        rois: [k, 5], index of the image and corners x1, y1, x2, y2 in pixels of the image.
        output: Receives the result.
        argmax_y: For maximum pooling, shaped as `output`, receives the row on the feature map of the largest sample;
            otherwise unused.
        argmax_x: Likewise for the column.
        aligned_height: Number of bins along y.
        aligned_width: Number of bins along x.
        spatial_scale: Size of the feature map relative to the image.
        sampling_ratio: Samples per bin and axis; 0 for one per cell of the feature map, rounded up.
        pool_mode: 0 for the maximum, 1 for the average.
        aligned: Shift regions by half a cell, to the centers of the cells; otherwise they are at least one cell large.
    """
    if not len(rois):
        return
    features = at_least_float32(input)
    rois = rois.to(features.dtype)
    if pool_mode == _MAX:
        pooled, y, x = roi_align_max(
            features, rois, (aligned_height, aligned_width), spatial_scale, sampling_ratio, aligned
        )
        argmax_y.copy_(y)
        argmax_x.copy_(x)
    else:
        ops = torchvision_ops(features.device.type)
        pool = ops.roi_align if ops else roi_align_avg
        pooled = pool(features, rois, (aligned_height, aligned_width), spatial_scale, sampling_ratio, aligned)
    output.copy_(pooled)


def roi_align_backward(
    grad_output: Tensor,
    rois: Tensor,
    argmax_y: Tensor,
    argmax_x: Tensor,
    grad_input: Tensor,
    aligned_height: int,
    aligned_width: int,
    spatial_scale: float,
    sampling_ratio: int,
    pool_mode: int,
    aligned: bool,
) -> None:
    """Fill `grad_input` [n, c, h, w] from `grad_output` [k, c, aligned_height, aligned_width]."""
    if not len(rois):
        grad_input.zero_()
        return
    grad = at_least_float32(grad_output)
    rois = rois.to(grad.dtype)
    if pool_mode == _MAX:
        result = roi_align_max_backward(grad, rois, argmax_y, argmax_x, grad_input.shape)
    elif torchvision_ops(grad.device.type):
        result = torch.ops.torchvision._roi_align_backward(
            grad, rois, spatial_scale, aligned_height, aligned_width, *grad_input.shape, sampling_ratio, aligned
        )
    else:
        result = roi_align_avg_backward(grad, rois, grad_input.shape, spatial_scale, sampling_ratio, aligned)
    grad_input.copy_(result)
