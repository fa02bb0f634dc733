"""Soft-NMS (Bodla et al., ICCV 2017)."""

import torch
from torch import Tensor

from .boxes import box_overlaps
from .precision import at_least_float32

_NAIVE, _LINEAR, _GAUSSIAN = 0, 1, 2


def softnms(
    boxes: Tensor,
    scores: Tensor,
    dets: Tensor,
    iou_threshold: float,
    sigma: float,
    min_score: float,
    method: int,
    offset: int,
) -> Tensor:
    """Take the best box, lower the scores of boxes that overlap it, drop those below `min_score`, and repeat.

    Args:
        boxes: [n, 4], corners x1, y1, x2, y2 in pixels.
        scores: [n].
        dets: [n, 5], receives the taken boxes and their lowered scores in its first k rows.
        iou_threshold: IoU from which the naive and the linear method lower scores.
        sigma: Width of the Gaussian penalty exp(-IoU^2 / sigma).
        min_score: Boxes with a lower score are dropped.
        method: 0 naive (score 0 from `iou_threshold` on), 1 linear (times 1 - IoU from there on), 2 Gaussian.
        offset: 1 if x2 and y2 are the last pixel inside the box, 0 if they are its edge.

    Returns:
        [k], int64, indices of the taken boxes by falling lowered score.
    """
    left, score = at_least_float32(boxes), at_least_float32(scores)
    index = torch.arange(len(left), device=left.device)
    taken, taken_score = [index[:0]], [score[:0]]
    while len(left):
        best = score.argmax(keepdim=True)
        taken.append(index[best])
        taken_score.append(score[best])
        # Boxes of area 0 have no IoU with each other: no penalty.
        iou = box_overlaps(left[best], left, offset).nan_to_num(nan=0.0)
        score = score * _penalty(iou, iou_threshold, sigma, method)
        stays = score >= min_score
        stays[best] = False
        left, score, index = left[stays], score[stays], index[stays]
    keep = torch.cat(taken)
    dets[: len(keep), :4] = boxes[keep]
    dets[: len(keep), 4] = torch.cat(taken_score)
    return keep


def _penalty(iou: Tensor, iou_threshold: float, sigma: float, method: int) -> Tensor:
    if method == _GAUSSIAN:
        return (-iou * iou / sigma).exp()
    lowered = 1 - iou if method == _LINEAR else torch.zeros_like(iou)
    return torch.where(iou >= iou_threshold, lowered, 1)
