"""Detections matched with objects as pycocotools matches them, for many images and classes at once."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

_MOST = 1 << 20  # numbers in an array that compares detections with objects
_BELOW_ONE = 1 - 1e-10  # pycocotools' highest threshold

_Bools = npt.NDArray[np.bool_]
_Floats = npt.NDArray[np.float64]
_Integers = npt.NDArray[np.int64]
_Pair = tuple[int, int]  # ids of an image and a class


class Objects(NamedTuple):
    """The objects of all images, sorted by their keys: class, then image.

    Attributes:
        items: In COCO form.
        keys: Of their class and image.
        crowd: Whether they are crowds.
        ignored: Whether they are ignored, (N, areas).
        named: Whether their id is not 0, which pycocotools takes for no object.
    """

    items: list[dict[str, Any]]
    keys: _Integers
    crowd: _Bools
    ignored: _Bools
    named: _Bools


class Detections(NamedTuple):
    """The detections in all images, sorted by their keys, and then by falling score.

    Attributes:
        items: In COCO form.
        keys: Of their class and image.
        scores: Their scores.
        ranks: Their number among those of the same key.
        matched: Whether they match an object, (N, areas, thresholds).
        ignored: Whether they count neither as right nor as wrong, (N, areas, thresholds).
    """

    items: list[dict[str, Any]]
    keys: _Integers
    scores: _Floats
    ranks: _Integers
    matched: _Bools
    ignored: _Bools


def list_objects(by_pair: Mapping[_Pair, Sequence[dict]], keys: Mapping[_Pair, int], areas: _Floats) -> Objects:
    items, numbers = _flatten(by_pair, keys)
    order = np.argsort(numbers, kind='stable')
    items = [items[place] for place in order]
    ignored = np.array([bool(item['ignore']) for item in items], np.bool_)[:, None] | _outside(items, areas)
    crowd = np.array([bool(item['iscrowd']) for item in items], np.bool_)
    return Objects(items, numbers[order], crowd, ignored, np.array([item['id'] != 0 for item in items], np.bool_))


def list_detections(
    by_pair: Mapping[_Pair, Sequence[dict]], keys: Mapping[_Pair, int], most: int, shape: tuple[int, int]
) -> Detections:
    items, numbers = _flatten(by_pair, keys)
    scores = np.array([item['score'] for item in items], np.float64)
    order = np.lexsort((-scores, numbers))
    numbers = numbers[order]
    ranks = np.arange(len(order)) - np.searchsorted(numbers, numbers)
    kept = ranks < most
    order = order[kept]
    none = np.zeros((len(order), *shape), np.bool_)
    return Detections([items[place] for place in order], numbers[kept], scores[order], ranks[kept], none, none.copy())


def _flatten(by_pair: Mapping[_Pair, Sequence[dict]], keys: Mapping[_Pair, int]) -> tuple[list[dict], _Integers]:
    items = [item for found in by_pair.values() for item in found]
    counts = [len(found) for found in by_pair.values()]
    return items, np.repeat(np.array([keys[pair] for pair in by_pair], np.int64), counts)


def _outside(items: Sequence[dict], areas: _Floats) -> _Bools:
    """Whether the area of each is out of each range, (N, areas)."""
    area = np.array([item['area'] for item in items], np.float64)[:, None]
    return (area < areas[:, 0]) | (area > areas[:, 1])


def match(found: Detections, objects: Objects, shape: str, thresholds: _Floats, areas: _Floats) -> None:
    """Match each detection, from the highest score on, with the object that it overlaps most of those that are left.

    Args:
        found: The detections; changed in place.
        objects: The objects.
        shape: Which entry to compare, ``bbox`` or ``segmentation``.
        thresholds: Least intersection over union of a match.
        areas: Ranges of areas; objects out of them are ignored, and so are detections that match none.
    """
    thresholds = np.minimum(thresholds, _BELOW_ONE)[:, None]
    for pairs in _groups(found, objects, found.matched[:1].size):
        _match_group(pairs, found, objects, _overlaps(pairs, found, objects, shape), thresholds)
    found.ignored[:] |= ~found.matched & _outside(found.items, areas)[..., None]


def _match_group(pairs: '_Pairs', found: Detections, objects: Objects, overlaps: _Floats, thresholds: _Floats) -> None:
    columns = np.arange(overlaps.shape[2])
    places = np.where(columns < pairs.objects[:, None], pairs.first_object[:, None] + columns, 0)
    # Axes of all that follows: pair, range of areas, threshold, object.
    ignored = objects.ignored[places].transpose(0, 2, 1)[:, :, None]
    free = np.ones(np.broadcast_shapes(ignored.shape, thresholds.shape), np.bool_)
    crowd, named = (values[places][:, None, None] for values in (objects.crowd, objects.named))
    for rank in range(overlaps.shape[1]):
        here = slice(np.count_nonzero(pairs.found > rank))
        overlap = overlaps[here, rank, None, None]
        possible = ~(overlap < thresholds) & (crowd[here] | free[here])
        wanted = possible & ~ignored[here]
        wanted |= possible & ~wanted.any(-1, keepdims=True)  # ignored objects only if there are no others
        best = np.where(wanted, overlap, -1)[..., ::-1].argmax(-1)  # of equal ones the last
        chosen = wanted & (columns == columns[-1] - best[..., None])
        free[here] &= ~chosen
        rows = pairs.first_found[here] + rank
        found.matched[rows] = (chosen & named[here]).any(-1)
        found.ignored[rows] = (chosen & ignored[here]).any(-1)


class _Pairs(NamedTuple):
    """Images with both detections and objects of a class, in falling order of the number of detections.

    Attributes:
        first_found: Place of the first detection.
        found: Number of detections.
        first_object: Place of the first object.
        objects: Number of objects.
    """

    first_found: _Integers
    found: _Integers
    first_object: _Integers
    objects: _Integers


def _groups(found: Detections, objects: Objects, depth: int) -> Iterator[_Pairs]:
    """All pairs, in groups of similar numbers of objects whose arrays are bounded."""
    keys, first_found, number_found = np.unique(found.keys, return_index=True, return_counts=True)
    others, first_object, number_of_objects = np.unique(objects.keys, return_index=True, return_counts=True)
    _, here, there = np.intersect1d(keys, others, assume_unique=True, return_indices=True)
    pairs = np.stack([first_found[here], number_found[here], first_object[there], number_of_objects[there]])
    pairs = pairs[:, np.lexsort((pairs[1], pairs[3]))[::-1]]  # most objects first
    begin = 0
    while begin < pairs.shape[1]:
        deep = max(depth, pairs[1, begin:].max())
        group = pairs[:, begin : begin + max(1, int(_MOST // (pairs[3, begin] * deep)))]
        begin += group.shape[1]
        yield _Pairs(*group[:, np.argsort(-group[1], kind='stable')])


def _overlaps(pairs: _Pairs, found: Detections, objects: Objects, shape: str) -> _Floats:
    """Intersection over union of detections and objects, (pairs, detections, objects); -1 where there are none."""
    overlaps = np.full((len(pairs.found), pairs.found[0], pairs.objects.max()), -1.0)
    for place, (begin, number, first, width) in enumerate(zip(*(column.tolist() for column in pairs), strict=True)):
        shapes = [
            [item[shape] for item in items[start : start + count]]
            for items, start, count in ((found.items, begin, number), (objects.items, first, width))
        ]
        overlaps[place, :number, :width] = coco_mask.iou(*shapes, objects.crowd[first : first + width].tolist())
    return overlaps
