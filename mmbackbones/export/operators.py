"""Non-maximum suppression as one operator of fixed output size, which every exporter can take.

The number of boxes that it keeps depends on their values. An exporter would have to carry such a size through all that
follows, so here the kept boxes are padded to a fixed number.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from mmcv.ops import batched_nms
from torch import Tensor

from .onnx_operators import Operators

_FLOAT = 1  # ONNX's number for float32


def keep_best(
    boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float, max_per_img: int
) -> tuple[Tensor, Tensor]:
    """The best boxes of each image that non-maximum suppression within each class leaves, as MMDetection finds them.

    Args:
        boxes: Corners x1, y1, x2, y2.
        scores: Boxes with scores of 0 or less do not take part.
        labels: int64; only boxes of one label suppress each other.
        iou_threshold: Largest IoU of two boxes of one label that are both kept.
        max_per_img: Number K of places in the result.

    Returns:
        Indices of the kept boxes by falling score, int64, and which of these places are used. Unused ones hold 0.

    Shape:
        boxes (N, P, 4), scores (N, P), labels (N, P) -> (N, K), (N, K).
    """
    # At least K boxes, however many there are: a trace would decide it once.
    boxes = F.pad(boxes, (0, 0, 0, max_per_img))
    scores, labels = F.pad(scores, (0, max_per_img), value=-1.0), F.pad(labels, (0, max_per_img))
    return torch.ops.mmbackbones.nms(boxes, scores, labels, iou_threshold, max_per_img)


@torch.library.custom_op('mmbackbones::nms', mutates_args=())
def _nms(
    boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float, max_per_img: int
) -> tuple[Tensor, Tensor]:
    """:func:`keep_best` for at least K boxes."""
    indices = labels.new_zeros((len(boxes), max_per_img))
    used = torch.zeros_like(indices, dtype=torch.bool)
    for i, (box, score, label) in enumerate(zip(boxes, scores, labels, strict=True)):
        candidates = (score > 0).nonzero()[:, 0]
        if len(candidates):
            nms = dict(type='nms', iou_threshold=iou_threshold)
            kept = batched_nms(box[candidates], score[candidates], label[candidates], nms)[1][:max_per_img]
            indices[i, : len(kept)] = candidates[kept]
            used[i, : len(kept)] = True
    return indices, used


@_nms.register_fake
def _(boxes: Tensor, scores: Tensor, labels: Tensor, iou_threshold: float, max_per_img: int) -> tuple[Tensor, Tensor]:
    indices = labels.new_empty((boxes.shape[0], max_per_img))
    return indices, torch.empty_like(indices, dtype=torch.bool)


def _onnx_nms(op: Operators, boxes: Any, scores: Any, labels: Any, iou_threshold: float, max_per_img: int) -> Any:
    """The operator in ONNX: one class for `NonMaxSuppression`, with the classes moved apart as mmcv moves them."""
    candidates = op.Unsqueeze(op.Greater(scores, 0.0), [2])
    farthest = op.ReduceMax(op.Where(candidates, boxes, 0.0), axes=[1, 2], keepdims=1)
    apart = op.Add(boxes, op.Mul(op.Cast(op.Unsqueeze(labels, [2]), to=_FLOAT), op.Add(farthest, 1.0)))
    # It stops at the best K of all classes, and gives rows of image, class and box.
    kept = op.NonMaxSuppression(apart, op.Unsqueeze(scores, [1]), [max_per_img], [iou_threshold], [0.0])
    kept = op.Gather(kept, [0, 2], axis=1)
    nothing = op.Sub(op.Mul(scores, 0.0), 1.0)
    best, indices = op.TopK(op.ScatterND(nothing, kept, op.GatherND(scores, kept)), [max_per_img], outputs=2)
    used = op.Greater(best, 0.0)
    return op.Where(used, indices, 0), used


def onnx_translations() -> dict[Any, Callable]:
    """These operators in ONNX, for :func:`~mmbackbones.export.onnx_operators.translated`."""
    return {torch.ops.mmbackbones.nms.default: _onnx_nms}
