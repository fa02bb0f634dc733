"""Overlap of axis-aligned boxes."""

import torch
from torch import Tensor


def box_overlaps(boxes1: Tensor, boxes2: Tensor, offset: int = 0, iof: bool = False) -> Tensor:
    """Intersection over union, or over the area of the first box, of pairs of boxes.

    Args:
        boxes1: [..., 4], corners x1, y1, x2, y2 in pixels; leading dimensions broadcast.
        boxes2: As `boxes1`.
        offset: 1 if x2 and y2 are the last pixel inside the box, 0 if they are its edge.
        iof: Divide by the area of the first box instead of the union.

    Returns:
        [...], NaN where the denominator is 0.
    """
    x1, y1, x2, y2 = boxes1.unbind(-1)
    u1, v1, u2, v2 = boxes2.unbind(-1)
    # In place, because allocating memory is what takes the time.
    width = torch.minimum(x2, u2).sub_(torch.maximum(x1, u1)).add_(offset).clamp_(min=0)
    height = torch.minimum(y2, v2).sub_(torch.maximum(y1, v1)).add_(offset).clamp_(min=0)
    inter = width.mul_(height)
    area = (x2 - x1 + offset) * (y2 - y1 + offset)
    if not iof:
        area = (area + (u2 - u1 + offset) * (v2 - v1 + offset)).sub_(inter)
    return inter.div_(area)


def bbox_overlaps(bboxes1: Tensor, bboxes2: Tensor, ious: Tensor, mode: int, aligned: bool, offset: int) -> None:
    """Fill `ious` [m, n], or [m] if `aligned`, with the overlaps of `bboxes1` [m, 4] and `bboxes2` [n, 4].

    Args:
        bboxes1: Corners x1, y1, x2, y2 in pixels.
        bboxes2: As `bboxes1`.
        ious: Receives the overlaps.
        mode: 0 for IoU, 1 for intersection over the area of the first box.
        aligned: Pair box i with box i only.
        offset: 1 if x2 and y2 are the last pixel inside the box, 0 if they are its edge.
    """
    if not aligned:
        bboxes1 = bboxes1[:, None]
    ious.copy_(box_overlaps(bboxes1, bboxes2, offset, iof=mode == 1))
