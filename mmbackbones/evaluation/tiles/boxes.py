"""Boxes, xyxy in pixels: many at a time, compared pair by pair."""

import numpy as np

Array = np.ndarray

_TIGHT_SHARE = 0.2  # of a side, by which it may be off at most: small boxes would all be alike


def slack_of(loose: Array, boxes: Array, share: float = _TIGHT_SHARE) -> Array:
    """By how many pixels each side of boxes may be off, ``(n, 4)``: by `loose`, but no more than `share` of a side."""
    return np.minimum(loose[:, None], share * np.tile(boxes[:, 2:] - boxes[:, :2], 2))


def iou_snapped(boxes: Array, others: Array, slack: Array) -> Array:
    """Intersection over union of pairs of boxes, whose sides count as equal where they differ by up to `slack`."""
    close = np.where(np.abs(boxes - others) <= slack, others, boxes)
    return np.where(areas(boxes) * areas(others) > 0, iou(close, others), 0)


def clip(boxes: Array, windows: Array) -> Array:
    """The part of each box that lies in its window; of negative size if there is none."""
    upper, lower = np.maximum(boxes[..., :2], windows[..., :2]), np.minimum(boxes[..., 2:], windows[..., 2:])
    return np.concatenate([upper, lower], -1)


def areas(boxes: Array) -> Array:
    """The area of each box."""
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), -1)


def overlaps(one: Array, other: Array) -> Array:
    """The area that the boxes of each pair have in common."""
    return areas(clip(one, other))


def meet(one: Array, other: Array) -> Array:
    """Whether each box of `one` ``(n, 4)`` and each of `other` ``(m, 4)`` have an area in common, ``(n, m)``."""
    return np.logical_and.reduce(
        [np.minimum.outer(one[:, i + 2], other[:, i + 2]) > np.maximum.outer(one[:, i], other[:, i]) for i in (0, 1)]
    )


def iou(one: Array, other: Array) -> Array:
    """Intersection over union of pairs of boxes."""
    common = overlaps(one, other)
    return common / np.maximum(areas(one) + areas(other) - common, 1e-9)
