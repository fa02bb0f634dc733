"""Greedy non-maximum suppression."""

import torch
from torch import Tensor

from .boxes import box_overlaps
from .precision import at_least_float32
from .torchvision_ops import torchvision_ops

# Boxes are compared block by block. On the CPU, two blocks have fewer than 32768 pairs, up to which PyTorch runs an
# operation in one thread: thousands of short operations that wait for threads are very slow on a busy machine.
_CPU_BLOCK = 181
_BLOCK = 2048


def nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """Keep boxes in order of falling score, and drop each that overlaps one kept before by more than `iou_threshold`.

    Args:
        boxes: [n, 4], corners x1, y1, x2, y2 in pixels.
        scores: [n].
        iou_threshold: Largest IoU of two boxes that are both kept.
        offset: 1 if x2 and y2 are the last pixel inside the box, 0 if they are its edge.

    Returns:
        [k], int64, indices of the kept boxes by falling score.
    """
    boxes, scores = at_least_float32(boxes), at_least_float32(scores)
    if ops := torchvision_ops(boxes.device.type):
        edges = boxes + boxes.new_tensor([0, 0, offset, offset])
        return ops.nms(edges, scores.to(edges.dtype), iou_threshold)
    return greedy_nms(boxes, scores, iou_threshold, offset)


def greedy_nms(boxes: Tensor, scores: Tensor, iou_threshold: float, offset: int) -> Tensor:
    """:func:`nms` in PyTorch: by blocks of the sorted boxes, each of which thins out all that come after it."""
    size = _CPU_BLOCK if boxes.device.type == 'cpu' else _BLOCK
    order = scores.argsort(descending=True, stable=True)
    boxes = boxes[order]
    kept = [order[:0]]
    while len(order):
        block, rest = boxes[:size], boxes[size:]
        keep = _keep_in_block(box_overlaps(block[:, None], block, offset) > iou_threshold)
        kept.append(order[:size][keep])
        block = block[keep, None]
        dropped = [(box_overlaps(block, part, offset) > iou_threshold).any(0) for part in rest.split(size)]
        left = ~torch.cat(dropped)
        order, boxes = order[size:][left], rest[left]
    return torch.cat(kept)


def _keep_in_block(overlapping: Tensor) -> Tensor:
    """Which of m sorted boxes survive each other, from their [m, m] overlaps.

    A box is kept if and only if no kept box before it overlaps it. Applying that rule to all boxes at once settles, in
    order, at least one more box per round, so the first mask that it leaves unchanged is the greedy one. As chains of
    overlapping boxes are short, this takes a few rounds.
    """
    suppresses = overlapping.triu(1).float()
    keep = suppresses.new_ones(len(suppresses))
    while True:
        settled = (keep @ suppresses == 0).float()
        if torch.equal(settled, keep):
            return keep.bool()
        keep = settled


def nms_match(dets: Tensor, iou_threshold: float) -> list[list[int]]:
    """Group boxes: the best remaining one with all that overlap it by at least `iou_threshold`, until none remains.

    Args:
        dets: [n, 5], corners x1, y1, x2, y2 in pixels, and score.
        iou_threshold: Smallest IoU of a box with the best one of its group.

    Returns:
        The groups; each is a list of indices by falling score.
    """
    dets = at_least_float32(dets)
    order = dets[:, 4].argsort(descending=True, stable=True)
    groups = []
    while len(order):
        match = box_overlaps(dets[order[0], :4], dets[order, :4]) >= iou_threshold
        match[0] = True  # a box of area 0 has no IoU, not even with itself
        groups.append(order[match].tolist())
        order = order[~match]
    return groups
