"""Comparison of the objects that two runtimes find in one image.

Their numbers differ in the last digits. That alone can turn a decision: which of two equally good boxes suppresses the
other, whether a score passes the threshold, which object is the last that is kept. So the objects need not be the same
ones. What is found has to be one of the network's own candidates, and to follow the rules by itself; and wherever an
object is missing or one too many, such a decision has to have been as close as the numbers are.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]

MAX_SCORE = 1e-3  # difference of two scores that are the same
MAX_PIXELS = 0.5  # of two corners
_FACTOR = 4  # how much more than the differences of what is matched a close decision may be off
_LEAST_SCORE, _LEAST_IOU = 1e-6, 1e-4
_EPSILON = float(np.finfo(np.float32).eps)
_LOOSE_SCORE, _LOOSE_IOU = 0.1, 0.1  # of decisions that follow from close ones in a first stage
_LOOSE_SHARE = 0.05  # of all objects


@dataclass(frozen=True)
class Objects:
    """What was found in one image: `boxes` (n, 4), `scores` (n,), `labels` (n,), and `masks` (n, H, W) or None."""

    boxes: Array
    scores: Array
    labels: Array
    masks: Array | None = None

    def __len__(self) -> int:
        return len(self.scores)


@dataclass(frozen=True)
class Decisions:
    """What decides which candidates are kept.

    Attributes:
        iou_threshold: Larger IoUs suppress.
        score_thr: Lower scores are left out.
        max_per_img: How many are kept.
        class_agnostic: Whether boxes of different labels suppress each other.
        two_stages: Whether the candidates are themselves chosen so.
    """

    iou_threshold: float
    score_thr: float
    max_per_img: int
    class_agnostic: bool = False
    two_stages: bool = False


@dataclass(frozen=True)
class Difference:
    """How far two results are apart.

    Attributes:
        score: Largest difference of two scores.
        pixels: Largest difference of two corners; None where there are no boxes.
        problem: What no rounding explains; empty if there is no such thing.
    """

    score: float = 0.0
    pixels: float | None = None
    problem: str = ''

    def __or__(self, other: 'Difference') -> 'Difference':
        """The larger one of each."""
        pixels = [difference.pixels for difference in (self, other) if difference.pixels is not None]
        return Difference(max(self.score, other.score), max(pixels, default=None), self.problem or other.problem)


def compare_objects(found: Objects, expected: Objects, candidates: Objects, decisions: Decisions) -> Difference:
    """Compare the objects of a file with those of PyTorch, in one image.

    Args:
        found: Of the file.
        expected: Of PyTorch.
        candidates: Of PyTorch, before suppression, and with all scores.
        decisions: How they were chosen from these.
    """
    score, pixels, lone = _nearest(found, candidates)
    difference = Difference(score, pixels)
    if lone is not None:
        near = f'the nearest one differs by {score:.2g} of a score and {pixels:.2g} pixels'
        return Difference(score, pixels, f'an object of the file, {_shown(found, lone)}, is none of PyTorch: {near}')
    close = max(_FACTOR * score, _LEAST_SCORE)
    if broken := _broken_rule(found, decisions, close, pixels):
        return Difference(score, pixels, broken)
    same = _same(found, expected)
    loose = 0
    for one, other, matched, where in (
        (found, expected, same.any(1), 'the file has an object that PyTorch does not have'),
        (expected, found, same.any(0), 'the file lacks an object of PyTorch'),
    ):
        for index in np.flatnonzero(~matched).tolist():
            if _is_close(one, index, other, decisions, close, _LEAST_IOU + 0.01 * pixels):
                continue
            loose += 1
            excused = decisions.two_stages and _is_close(one, index, other, decisions, _LOOSE_SCORE, _LOOSE_IOU)
            if not excused or loose > max(1, _LOOSE_SHARE * (len(found) + len(expected))):
                return Difference(score, pixels, f'{where}: {_shown(one, index)}')
    if found.masks is not None and expected.masks is not None:
        for mine, theirs in zip(*np.nonzero(same), strict=True):
            apart = int((found.masks[mine] != expected.masks[theirs]).sum())
            width, height = expected.boxes[theirs, 2:] - expected.boxes[theirs, :2]
            if apart > max(4, (width + height) / 4) and same[mine].sum() == same[:, theirs].sum() == 1:
                problem = f'the mask of {_shown(found, mine)} differs in {apart} pixels'
                return Difference(score, pixels, problem)
    return difference


def _nearest(found: Objects, candidates: Objects) -> tuple[float, float, int | None]:
    """Largest difference of a score and of a corner from the nearest candidates, and an object that has none."""
    score = pixels = 0.0
    for index in range(len(found)):
        own = candidates.labels == found.labels[index]
        if not own.any():
            return 1.0, float('inf'), index
        scores = np.abs(candidates.scores[own] - found.scores[index])
        corners = np.abs(candidates.boxes[own] - found.boxes[index]).max(1)
        best = np.maximum(scores / MAX_SCORE, corners / MAX_PIXELS).argmin()
        if scores[best] > MAX_SCORE or corners[best] > MAX_PIXELS:
            return float(scores[best]), float(corners[best]), index
        score, pixels = max(score, float(scores[best])), max(pixels, float(corners[best]))
    return score, pixels, None


def _same(found: Objects, expected: Objects) -> Array:
    """Which pairs are the same object."""
    corners = np.abs(found.boxes[:, None] - expected.boxes[None]).max(-1, initial=0)
    scores = np.abs(found.scores[:, None] - expected.scores[None])
    labels = found.labels[:, None] == expected.labels[None]
    return labels & (corners <= MAX_PIXELS) & (scores <= MAX_SCORE)


def _broken_rule(found: Objects, decisions: Decisions, close_score: float, pixels: float) -> str:
    """Which decision that every result has to follow this one does not, whatever PyTorch found; empty if it does."""
    if len(found) > decisions.max_per_img > 0:
        return f'the file has {len(found)} objects in an image, and at most {decisions.max_per_img} are kept'
    for index, (box, label) in enumerate(zip(found.boxes, found.labels, strict=True)):
        if found.scores[index] < decisions.score_thr - close_score:
            return f'the file has an object below the threshold: {_shown(found, index)}'
        rivals = found.boxes[index + 1 :]
        if not decisions.class_agnostic:
            rivals = rivals[found.labels[index + 1 :] == label]
        # Suppression moves the labels apart, which costs digits; they count where a box is small.
        blur = _FACTOR * (pixels + _EPSILON * (1 + label) * found.boxes.max())
        side = np.minimum((box[2:] - box[:2]).min(), (rivals[:, 2:] - rivals[:, :2]).min(1))
        if (_iou(box, rivals) > decisions.iou_threshold + _LEAST_IOU + 2 * blur / np.maximum(side, 1e-6)).any():
            return f'the file has an object that suppresses another one: {_shown(found, index)}'
    return ''


def _is_close(
    one: Objects, index: int, other: Objects, decisions: Decisions, close_score: float, close_iou: float
) -> bool:
    """Whether it was a close decision that `other` does not have this object."""
    score = one.scores[index]
    if score <= decisions.score_thr + close_score:
        return True
    if len(other) >= decisions.max_per_img and score <= other.scores.min() + close_score:
        return True
    rivals = other.scores >= score - close_score
    if not decisions.class_agnostic:
        rivals &= other.labels == one.labels[index]
    overlap = _iou(one.boxes[index], other.boxes[rivals])
    return bool((overlap >= decisions.iou_threshold - close_iou).any())


def _iou(box: Array, boxes: Array) -> Array:
    corner, end = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    common = (end - corner).clip(min=0).prod(1)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(1) + (box[2:] - box[:2]).prod()
    return common / np.maximum(areas - common, 1e-12)


def _shown(objects: Objects, index: int) -> str:
    corners = ', '.join(f'{value:.1f}' for value in objects.boxes[index])
    return f'label {objects.labels[index]}, score {objects.scores[index]:.4f} at ({corners})'
