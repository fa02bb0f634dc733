"""Objects found in tiles and in the whole image, merged so that each is there once, and whole.

Two detections in one view (the image or a tile) are two objects: the network has told them apart. Across views, what
is compared is what both of them can see:

1. Detections that no border of a tile cuts are merged by non-maximum suppression. One in the image as a whole, which
   the network sees more coarsely, gives way to one in a tile.
2. A piece is dropped if it is what its tile shows of an object that another view sees whole.
3. Pieces that are left are joined if the strip that both tiles see shows the same of them.

An object has the highest of the scores that it has got.
"""

from dataclasses import dataclass

import numpy as np

from .boxes import Array, iou, iou_snapped, overlaps, slack_of
from .detections import SAME, Detections, View

_CERTAIN = 0.9  # intersection over union from which joined pieces are all of an object
_TRUSTED = 0.25  # score of an object, relative to that of a piece, from which it explains the piece


@dataclass
class Merged:
    """Objects of an image.

    Attributes:
        boxes: float32 ``(n, 4)``, xyxy in pixels of the image.
        scores: float32 ``(n,)``, falling.
        labels: int64 ``(n,)``.
        sources: For each object the detections, by number, whose union it is.
    """

    boxes: Array
    scores: Array
    labels: Array
    sources: list[list[int]]


def merge_objects(boxes: Array, scores: Array, labels: Array, view: Array, views: list[View]) -> Merged:
    """Merge what was found in the views of an image.

    Args:
        boxes: float32 ``(n, 4)``, xyxy in pixels of the image.
        scores: float32 ``(n,)``.
        labels: int64 ``(n,)``.
        view: int64 ``(n,)``, the view in which each was found, rising.
        views: The views.
    """
    scores = scores.copy()
    detections = Detections(boxes, labels, view, views)
    same, finer, explained, alike = detections.compare()
    order = np.argsort(-scores, kind='stable')
    piece = detections.cut.any(1)
    stands_for = _suppress(order[~piece[order]], same, len(boxes))
    _explain(finer, scores, stands_for)
    _explain(explained, scores, stands_for)
    joined, refined = _join(detections, np.flatnonzero(piece), alike, stands_for)
    scores_of = {number: float(scores[number]) for number in refined}
    whole = [i for i in np.flatnonzero((stands_for == np.arange(len(boxes))) & ~piece).tolist() if i not in scores_of]
    for number, members in refined.items():
        scores[members] = scores_of[number]
    return _pick([[i] for i in whole] + list(refined.values()), joined, detections, scores)


def _join(
    detections: Detections, pieces: Array, alike: Array, stands_for: Array
) -> tuple[list[list[int]], dict[int, list[int]]]:
    """Join pieces, also of objects of which only a coarser view sees the whole.

    Returns:
        Groups of pieces that nothing explains, and for some objects a group that shows the whole object more exactly.
    """
    coarse = (stands_for[pieces] == pieces) | (detections.pixel[stands_for[pieces]] > detections.pixel[pieces])
    joined, refined = [], {}
    for members in detections.join(pieces[coarse], alike):
        explained = {int(stands_for[i]) for i in members} - set(members)
        if not explained:
            joined.append(members)
        for number in explained:
            box = detections.union(members)[None]
            slack = slack_of(detections.loose[[number]], detections.boxes[[number]])
            alike_now = iou_snapped(detections.boxes[[number]], box, slack)[0]
            if alike_now > _CERTAIN and _fill(detections.boxes[members], box[0]):
                refined[number] = members
    return joined, refined


def _fill(parts: Array, box: Array) -> bool:
    """Whether parts leave no hole in a box: a tile that shows only the inside of an object may find nothing."""
    x, y = (np.linspace(box[i], box[i + 2], 34)[1:-1] for i in (0, 1))
    across = (parts[:, 0, None] <= x) & (x <= parts[:, 2, None])
    down = (parts[:, 1, None] <= y) & (y <= parts[:, 3, None])
    return bool((down[:, :, None] & across[:, None]).any(0).all())


def _suppress(order: Array, same: Array, number: int) -> Array:
    """Which detection stands for each: itself, or the one of a higher score that it is the same as."""
    neighbors = _neighbors(same, number)
    stands_for = np.arange(number)
    settled = np.zeros(number, bool)
    for i in order.tolist():
        if settled[i]:
            continue
        settled[i] = True
        fresh = neighbors(i)
        fresh = fresh[~settled[fresh]]
        settled[fresh] = True
        stands_for[fresh] = i
    return stands_for


def _neighbors(pairs: Array, number: int):
    ends = np.concatenate([pairs[:, :2], pairs[:, 1::-1]]).astype(np.int64)
    ends = ends[np.argsort(ends[:, 0], kind='stable')]
    bounds = np.searchsorted(ends[:, 0], np.arange(number + 1))
    return lambda i: ends[bounds[i] : bounds[i + 1], 1]


def _explain(pairs: Array, scores: Array, stands_for: Array) -> None:
    """Let objects stand for detections that they explain, each for those that it explains best.

    Args:
        pairs: Detections, objects that may explain them, and how well they do.
        scores: Those of objects rise to those of what they explain.
        stands_for: What stands for each detection; changed in place.
    """
    i, j = pairs[:, :2].astype(np.int64).T
    able = (scores[j] >= _TRUSTED * scores[i]) & (stands_for[i] == i)
    i, j, quality = i[able], j[able], (pairs[:, 2] * scores[j])[able]
    best = np.lexsort((quality, i))
    i, j = i[best], j[best]
    last = np.append(i[1:] != i[:-1], True)[: len(i)]  # the best object of each detection
    i, j = i[last], stands_for[j[last]]
    np.maximum.at(scores, j, scores[i])
    stands_for[np.isin(stands_for, i)] = j[np.searchsorted(i, stands_for[np.isin(stands_for, i)])]


def _pick(groups: list[list[int]], joined: list[list[int]], detections: Detections, scores: Array) -> Merged:
    """The objects, without those of joined pieces that are the same as another object after all, or the reverse."""
    first_joined = len(groups)
    groups = [*groups, *joined]
    boxes = np.array([detections.union(members) for members in groups], np.float32).reshape(-1, 4)
    best = np.array([scores[members].max() for members in groups], np.float32)
    labels = detections.labels[np.array([members[0] for members in groups], np.int64)]
    seen = [set(detections.view[members].tolist()) for members in groups]
    pixel = detections.pixel[np.array([members[0] for members in groups], np.int64)]
    of_pieces = np.arange(len(groups)) >= first_joined
    alone = of_pieces & np.array([len(members) == 1 for members in groups], bool)
    order = np.argsort(-best, kind='stable')
    dropped = np.zeros(len(groups), bool)
    for i in order.tolist():
        if dropped[i]:
            continue
        # Whole objects of one resolution are compared already.
        open_ones = of_pieces | of_pieces[i] | (pixel != pixel[i])
        rivals = np.flatnonzero(open_ones & (labels == labels[i]) & ~dropped & (best <= best[i]))
        rivals = rivals[rivals != i]
        rivals = rivals[overlaps(boxes[i][None], boxes[rivals]) > 0]
        alike = iou(boxes[i][None], boxes[rivals]) > SAME
        if of_pieces[i] and not alone[i]:
            pieces = np.flatnonzero(alone[rivals])
            numbers = np.array([groups[j][0] for j in rivals[pieces]], np.int64)
            box = np.repeat(boxes[i][None], len(pieces), 0)
            alike[pieces] |= detections.match(numbers, box, detections.loose[numbers]) >= SAME
        dropped[[j for j in rivals[alike].tolist() if not seen[i] & seen[j]]] = True
    kept = order[~dropped[order]]
    return Merged(boxes[kept], best[kept], labels[kept], [groups[i] for i in kept.tolist()])
