"""Validation of the object masks ("segmentation") in COCO annotations, for models that learn masks."""

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as coco_mask

from ...errors import UserError, summarize_error
from ...utils.text import short
from .annotations import NUMBER_TYPES

MAX_COORDINATE = 1e6  # pixels; pycocotools walks along an outline pixel by pixel
MAX_OUTLINE = 1e7  # pixels that it walks: it needs 80 bytes for each, and counts them in 32 bits
MAX_PIXELS = 1 << 30  # of an image, as OpenCV reads it; pycocotools counts them in 32 bits, and reads beyond its memory
_MOST_CHARACTERS = 7  # of a number in an RLE, which has 32 bits
MAX_GAP = 1  # pixels between a mask and its box: both are rounded

_Edges = tuple[float, float, float, float]  # left, top, right, bottom


class MaskError(UserError):
    """A defect that matters only to models that learn masks."""


def check_masks(data: dict[str, Any], name: str, masks_for: str = 'Mask R-CNN') -> None:
    """Check that each annotation has a mask: polygons or run-length encoding (RLE).

    Args:
        data: Content of a COCO file that has passed :func:`~mmbackbones.datasets.checks.repair.normalize_coco`.
        name: How messages call the file.
        masks_for: What needs them, for messages.

    Raises:
        MaskError: Masks are missing (how many), or one is malformed (the first one).
    """
    sizes = {image['id']: [image.get('height'), image.get('width')] for image in data['images']}
    annotations = data['annotations']
    if lacking := [annotation['id'] for annotation in annotations if not annotation.get('segmentation')]:
        having = len(annotations) - len(lacking)
        some = f'only {having} of its {len(annotations)} annotations have a mask (annotation {lacking[0]} has none)'
        count = some if having else 'no annotation has a mask'
        raise MaskError(f'{name}: {count}, but {masks_for} needs one for each; RetinaNet trains on boxes alone')
    for annotation in annotations:
        mask = annotation['segmentation']
        edges = _find_edges(mask, sizes[annotation['image_id']])
        if defect := edges if isinstance(edges, str) else _find_misplacement(edges, annotation['bbox']):
            raise MaskError(f'{name}: annotation {annotation["id"]} has a mask that {defect}')


def box_of_mask(mask: Any, size: list[int | None]) -> list[float] | None:
    """x, y, width and height of the box around a mask; None if it is malformed, or run-length encoded at another size.

    Args:
        mask: Polygons or run-length encoding (RLE), as far as a JSON file may hold them.
        size: Height and width of its image.
    """
    if not mask:
        return None
    if isinstance(mask, dict) and not all(type(side) is int for side in size):
        return None
    edges = _find_edges(mask, size)
    if isinstance(edges, str):
        return None
    left, top, right, bottom = edges
    return [left, top, right - left, bottom - top]


def length_of_outline(polygon: Sequence[float]) -> float:
    """Number of pixels that pycocotools walks along a polygon ``x1, y1, x2, y2, ...``."""
    steps = np.abs(np.diff(np.reshape([*polygon, *polygon[:2]], (-1, 2)), axis=0))
    return float(steps.max(axis=1).sum())


def _find_edges(mask: Any, size: list[int | None]) -> _Edges | str:
    """The edges of a mask, or the defect that it has."""
    # Called 860,000 times for COCO, with 40 million numbers: only built-in functions look at each of them.
    if isinstance(mask, dict):
        return _find_edges_of_rle(mask, size)
    if not isinstance(mask, list) or not all(isinstance(polygon, list) for polygon in mask):
        return f'is neither a list of polygons nor run-length encoded (RLE), but {short(mask)}'
    left = top = math.inf
    right = bottom = -math.inf
    for polygon in mask:
        if len(polygon) < 6 or len(polygon) % 2:
            return f'has a polygon of {len(polygon)} numbers, but needs x1, y1, x2, y2, x3, y3 and so on'
        valid = NUMBER_TYPES.issuperset(map(type, polygon))
        if valid:
            xs, ys = polygon[::2], polygon[1::2]
            left, top = min(left, *xs), min(top, *ys)
            right, bottom = max(right, *xs), max(bottom, *ys)
            valid = max(-left, -top, right, bottom) < MAX_COORDINATE
        if not valid or math.isnan(sum(polygon)):  # NaN is neither below nor above any number
            return f'has a polygon that is not made of pixel coordinates: {short(polygon)}'
        if len(polygon) * max(right - left, bottom - top) > MAX_OUTLINE and length_of_outline(polygon) > MAX_OUTLINE:
            return f'has a polygon whose outline is longer than {MAX_OUTLINE:,.0f} pixels: {short(polygon)}'
    return left, top, right, bottom


def _find_edges_of_rle(mask: dict[str, Any], size: list[int | None]) -> _Edges | str:
    counts, stated = mask.get('counts'), mask.get('size')
    if not counts or not isinstance(counts, list | str) or not isinstance(stated, list) or len(stated) != 2:
        return f'lacks the "counts" or "size" of a run-length encoding (RLE): {short(mask)}'
    if stated != size or None in size:
        image = 'states no size' if None in size else f'is said to be of {size[1]}x{size[0]}'
        return f'is of {stated[1]}x{stated[0]} pixels, but its image {image}'
    if not 0 < stated[0] * stated[1] <= MAX_PIXELS:
        return f'is of {short(stated[1])}x{short(stated[0])} pixels, but images have 1 to {MAX_PIXELS:,}'
    if isinstance(counts, list):
        if set(map(type, counts)) != {int} or min(counts) < 0:
            return f'has run lengths that are not numbers of pixels: {short(counts)}'
        pixels = sum(counts)
    else:
        if (runs := _runs_of_text(counts)) is None:
            return f'cannot be decoded: {short(counts)}'
        pixels = int(runs.sum())
    if pixels != stated[0] * stated[1]:  # pycocotools would leave the rest undefined, or never end
        return f'has run lengths for {pixels} pixels, but its size is {stated[1]}x{stated[0]}'
    try:
        rle = coco_mask.frPyObjects(mask, *stated) if isinstance(counts, list) else mask
        left, top, width, height = coco_mask.toBbox(rle).tolist()
    except Exception as error:  # whatever pycocotools refuses here, it would refuse in training and evaluation
        return f'cannot be decoded ({summarize_error(error)})'
    return left, top, left + width, top + height


def _runs_of_text(counts: str) -> np.ndarray[Any, Any] | None:
    """The run lengths in the text of an RLE; None if it is not one.

    Each character holds five bits of a number, lowest first, and whether more follow; the fifth bit of the last one is
    its sign. From the fourth number on, it is the difference to the number two places before.
    """
    if not counts.isascii():
        return None
    bits = np.frombuffer(counts.encode('ascii'), np.uint8).astype(np.int64) - ord('0')
    ends = np.flatnonzero(bits & 32 == 0)
    lengths = np.diff(ends, prepend=-1)
    if bits.min() < 0 or bits.max() > 63 or bits[-1] & 32 or lengths.max() > _MOST_CHARACTERS:
        return None
    starts = ends - lengths + 1
    places = np.arange(len(bits)) - np.repeat(starts, lengths)
    runs = np.add.reduceat((bits & 31) << 5 * places, starts) - ((bits[ends] & 16) << 5 * (lengths - 1) + 1)
    runs[1::2], runs[2::2] = runs[1::2].cumsum(), runs[2::2].cumsum()
    return runs if runs.min() >= 0 and runs.max() <= MAX_PIXELS else None


def _find_misplacement(edges: _Edges, box: list[float]) -> str | None:
    """Some part of a mask is inside its box, unless its coordinates mean something else."""
    left, top, right, bottom = edges
    x, y, w, h = box
    if max(left - x - w, x - right, top - y - h, y - bottom) <= MAX_GAP:
        return None
    return (
        f'lies outside its bbox {short(box)}: it reaches from ({left:g}, {top:g}) to ({right:g}, {bottom:g}), in pixels'
    )
