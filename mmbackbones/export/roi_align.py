"""RoIAlign on a pyramid as one operator of fixed output size, which every exporter can take.

Each region is pooled from one level, and how many regions a level has depends on their values. Inside this operator,
such sizes reach no other part of an exported file.
"""

from collections.abc import Callable
from typing import Any

import torch
from mmcv.ops import roi_align
from torch import Tensor

from .onnx_operators import Operators


@torch.library.custom_op('mmbackbones::multilevel_roi_align', mutates_args=())
def multilevel_roi_align(
    maps: list[Tensor],
    boxes: Tensor,
    images: Tensor,
    levels: Tensor,
    scales: list[float],
    size: int,
    sampling_ratio: int,
) -> Tensor:
    """Pool each region from its level of a pyramid, with the values of mmcv's aligned RoIAlign.

    Args:
        maps: The levels.
        boxes: The regions, xyxy in pixels of the image.
        images: Index of each region's image, int64.
        levels: Index of each region's level, int64.
        scales: Size of each level relative to the image.
        size: Bins along either side of a region.
        sampling_ratio: Samples per bin and axis; 0 for one per cell of the level, rounded up.

    Shape:
        maps (N, C, H, W) each, boxes (R, 4), images (R), levels (R) -> (R, C, size, size).
    """
    pooled = maps[0].new_zeros((len(boxes), maps[0].shape[1], size, size))
    regions = torch.cat((images[:, None].to(boxes.dtype), boxes), 1)
    for level, (features, scale) in enumerate(zip(maps, scales, strict=True)):
        chosen = (levels == level).nonzero()[:, 0]
        if len(chosen):
            # mmcv's compiled operator reads memory as N, C, H, W, whatever the strides are.
            pooled[chosen] = roi_align(
                features.contiguous(), regions[chosen], (size, size), scale, sampling_ratio, 'avg', True
            )
    return pooled


@multilevel_roi_align.register_fake
def _(
    maps: list[Tensor],
    boxes: Tensor,
    images: Tensor,
    levels: Tensor,
    scales: list[float],
    size: int,
    sampling_ratio: int,
) -> Tensor:
    return maps[0].new_empty((boxes.shape[0], maps[0].shape[1], size, size))


def _onnx_roi_align(
    op: Operators,
    maps: list[Any],
    boxes: Any,
    images: Any,
    levels: Any,
    scales: list[float],
    size: int,
    sampling_ratio: int,
) -> Any:
    """The operator in ONNX: `RoiAlign` of the regions of one level after the other, then put back into their order."""
    rows, pooled = [], []
    for level, (features, scale) in enumerate(zip(maps, scales, strict=True)):
        row = op.Reshape(op.NonZero(op.Equal(levels, level)), [-1])
        rows.append(row)
        corners = op.Gather(boxes, row)
        pooled.append(
            op.RoiAlign(
                features,
                corners if sampling_ratio else _off_the_map_if_empty(op, corners, scale),
                op.Gather(images, row),
                coordinate_transformation_mode='half_pixel',
                mode='avg',
                output_height=size,
                output_width=size,
                sampling_ratio=sampling_ratio,
                spatial_scale=scale,
            )
        )
    row = op.Concat(*rows, axis=0)
    position = op.ScatterElements(row, row, op.Range(0, op.Squeeze(op.Shape(row)), 1))
    return op.Gather(op.Concat(*pooled, axis=0), position)


def _off_the_map_if_empty(op: Operators, boxes: Any, scale: float) -> Any:
    """The boxes for adaptive sampling, but a region without area lies next to the map: it is pooled to 0 either way.

    It has no sample in any bin, and the mean of none is NaN in OpenVINO. A region turned inside out has a negative
    number, and onnxruntime fails.
    """
    corner, opposite = op.Split(op.Sub(op.Mul(boxes, scale), 0.5), axis=1, outputs=2)
    extent = op.ReduceMin(op.Sub(opposite, corner), axes=[1], keepdims=1)
    beside = [-4 / scale, -4 / scale, -3 / scale, -3 / scale]
    return op.Where(op.Greater(extent, 0.0), boxes, beside)


def onnx_translations() -> dict[Any, Callable]:
    """This operator in ONNX, for :func:`~mmbackbones.export.onnx_operators.translated`."""
    return {torch.ops.mmbackbones.multilevel_roi_align.default: _onnx_roi_align}
