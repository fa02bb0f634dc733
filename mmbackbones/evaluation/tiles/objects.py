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

from .windows import Window

Array = np.ndarray

SAME = 0.5  # intersection over union from which two boxes of one class are of one object
INSIDE = 0.8  # share of a piece that lies in an object of which it may be a fragment
_CERTAIN = 0.9  # the same, from which joined pieces are all of an object
_TRUSTED = 0.25  # score of an object, relative to that of a piece, from which it explains the piece
_LOOSE = 2  # pixels of the network's input by which a predicted border may be off
_LOOSE_SHARE = 0.05  # the same as a share of an object's side, in the search for borders that cut it
_TIGHT_SHARE = 0.2  # of an object's side, which bounds the pixels above for small objects
_COARSE_SHARE = 0.45  # the same for whole objects that one view shows in few pixels
_REACH = 1.0  # pixels that tiles are taken to reach over their borders, so that those without overlap meet


@dataclass(frozen=True)
class View:
    """What a network saw at a time: the image, or a tile.

    Attributes:
        window: Where it lies, in pixels of the image.
        pixel: Width of a pixel of the network's input, in pixels of the image.
        inner: Which of its sides (left, top, right, bottom) lie inside of the image.
    """

    window: Window
    pixel: float
    inner: tuple[bool, bool, bool, bool]

    @classmethod
    def of(cls, window: Window, width: int, height: int, pixel: float) -> 'View':
        """The view of a window of an image of `width` x `height` pixels."""
        inner = (window.left > 0, window.top > 0, window.right < width, window.bottom < height)
        return cls(window, pixel, inner)

    @property
    def reach(self) -> Array:
        """The window as a box, a little beyond its inner sides."""
        return np.array(self.window, np.float32) + _OUTWARD * np.array(self.inner)


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


_OUTWARD = np.array([-_REACH, -_REACH, _REACH, _REACH], np.float32)


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
    detections = _Detections(boxes, labels, view, views)
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
    detections: '_Detections', pieces: Array, alike: Array, stands_for: Array
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
            slack = _slack(detections.loose[[number]], detections.boxes[[number]])
            alike_now = _iou_snapped(detections.boxes[[number]], box, slack)[0]
            if alike_now > _CERTAIN and _fill(detections.boxes[members], box[0]):
                refined[number] = members
    return joined, refined


def _fill(parts: Array, box: Array) -> bool:
    """Whether parts leave no hole in a box: a tile that shows only the inside of an object may find nothing."""
    x, y = (np.linspace(box[i], box[i + 2], 34)[1:-1] for i in (0, 1))
    across = (parts[:, 0, None] <= x) & (x <= parts[:, 2, None])
    down = (parts[:, 1, None] <= y) & (y <= parts[:, 3, None])
    return bool((down[:, :, None] & across[:, None]).any(0).all())


class _Detections:
    def __init__(self, boxes: Array, labels: Array, view: Array, views: list[View]) -> None:
        self.boxes, self.labels, self.view, self.views = boxes, labels, view, views
        windows = np.array([one.window for one in views], np.float32)[view]
        self.pixel = pixels = np.array([one.pixel for one in views], np.float32)[view]
        inner = np.array([one.inner for one in views])[view]
        sides = np.tile(boxes[:, 2:] - boxes[:, :2], 2)
        near = np.abs(boxes - windows) <= np.maximum(_LOOSE * pixels[:, None], _LOOSE_SHARE * sides)
        self.cut = near & inner  # at which sides
        # Cut sides as far as the tile reaches, in place of where the network happens to put them.
        self.shown = np.where(self.cut, windows + _OUTWARD, boxes)
        self.loose = _LOOSE * np.maximum(pixels, 1)
        self.reaches = np.array([one.reach for one in views], np.float32)

    def compare(self) -> tuple[Array, Array, Array, Array]:
        """Pairs of detections of one class in different views, each ``(n, 3)``: two numbers and how alike they are.

        Returns:
            Whole detections of one object; the same in views of different resolution, the coarser one first; pieces,
            and whole objects that explain them; pieces that may be of one object.
        """
        found: tuple[list[Array], ...] = ([], [], [], [])
        bounds = np.searchsorted(self.view, np.arange(len(self.views) + 1))
        for number, reach in enumerate(self.reaches):
            here = np.arange(bounds[number], bounds[number + 1])
            others = np.flatnonzero(_meet(self.reaches, reach[None])[:, 0][self.view])
            others = others[self.view[others] > number]
            if not len(here) or not len(others):
                continue
            of_one_class = np.equal.outer(self.labels[here], self.labels[others])
            i, j = np.nonzero(of_one_class & _meet(self.shown[here], self.shown[others]))
            for pairs, more in zip(found, self._compare(here[i], others[j]), strict=True):
                pairs.append(more)
        same, finer, explained, alike = (np.concatenate([np.zeros((0, 3)), *pairs]) for pairs in found)
        return same, finer, explained, alike

    def _compare(self, i: Array, j: Array) -> tuple[Array, Array, Array, Array]:
        i, j = np.where(self.pixel[i] < self.pixel[j], [j, i], [i, j])
        cut_i, cut_j = self.cut[i].any(1), self.cut[j].any(1)
        alike = self.pixel[i] == self.pixel[j]
        whole = ~cut_i & ~cut_j & alike
        same = _table(i[whole], j[whole], _iou(self.boxes[i[whole]], self.boxes[j[whole]]), SAME)
        whole = ~cut_i & ~cut_j & ~alike
        finer = _table(i[whole], j[whole], self._same(i[whole], j[whole]), SAME)
        # A piece first, a whole detection second.
        mixed = cut_i ^ cut_j
        p, d = np.where(cut_i, i, j)[mixed], np.where(cut_i, j, i)[mixed]
        explained = _table(p, d, self.match(p, self.boxes[d], self.loose[d]), SAME)
        both = cut_i & cut_j
        return same, finer, explained, _table(i[both], j[both], self._alike(i[both], j[both]), SAME)

    def _same(self, i: Array, j: Array) -> Array:
        """Intersection over union of whole detections in views of different resolution."""
        slack = _slack(np.maximum(self.loose[i], self.loose[j]), self.boxes[j], _COARSE_SHARE)
        return _iou_snapped(self.boxes[i], self.boxes[j], slack)

    def match(self, piece: Array, boxes: Array, loose: Array) -> Array:
        """How well boxes explain pieces: as what the tile shows of them, or as what the piece is a fragment of.

        Args:
            piece: Numbers of the pieces.
            boxes: A box for each.
            loose: Pixels by which the sides of each box may be off.
        """
        shown = self.shown[piece]
        slack = _slack(np.maximum(loose, self.loose[piece]), boxes)
        alike = _iou_snapped(_clip(boxes, self.reaches[self.view[piece]]), shown, slack)
        beyond = (boxes - self.boxes[piece]) * np.sign(_OUTWARD) > slack
        inside = _overlaps(self.boxes[piece], boxes + slack * np.sign(_OUTWARD)) >= INSIDE * _areas(self.boxes[piece])
        return np.maximum(alike, np.where(inside & (beyond & self.cut[piece]).any(1), SAME, 0))

    def _alike(self, i: Array, j: Array) -> Array:
        """How alike two pieces are in what both of their tiles show."""
        first = _clip(self.shown[i], self.reaches[self.view[j]])
        second = _clip(self.shown[j], self.reaches[self.view[i]])
        smaller = np.where((_areas(self.boxes[i]) < _areas(self.boxes[j]))[:, None], self.boxes[i], self.boxes[j])
        return _iou_snapped(first, second, _slack(np.maximum(self.loose[i], self.loose[j]), smaller))

    def join(self, pieces: Array, alike: Array) -> list[list[int]]:
        """Groups of pieces of one object, of which no tile has two."""
        group = {i: [i] for i in pieces.tolist()}
        for i, j, _ in sorted(alike.tolist(), key=lambda pair: -pair[2]):
            one, other = group.get(int(i)), group.get(int(j))
            if one is None or other is None or one is other:
                continue
            members = [*one, *other]
            if len(set(self.view[members].tolist())) < len(members) or not self._consistent(members):
                continue
            for member in members:
                group[member] = members
        return list({id(members): members for members in group.values()}.values())

    def _consistent(self, members: list[int]) -> bool:
        """Whether each tile shows of the joined object what was found there."""
        whole = np.concatenate([self.shown[members, :2].min(0), self.shown[members, 2:].max(0)])
        return bool((_iou(_clip(whole[None], self.reaches[self.view[members]]), self.shown[members]) >= SAME).all())

    def union(self, members: list[int]) -> Array:
        """The box around detections."""
        return np.concatenate([self.boxes[members, :2].min(0), self.boxes[members, 2:].max(0)])


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


def _pick(groups: list[list[int]], joined: list[list[int]], detections: _Detections, scores: Array) -> Merged:
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
        rivals = rivals[_overlaps(boxes[i][None], boxes[rivals]) > 0]
        alike = _iou(boxes[i][None], boxes[rivals]) > SAME
        if of_pieces[i] and not alone[i]:
            pieces = np.flatnonzero(alone[rivals])
            numbers = np.array([groups[j][0] for j in rivals[pieces]], np.int64)
            box = np.repeat(boxes[i][None], len(pieces), 0)
            alike[pieces] |= detections.match(numbers, box, detections.loose[numbers]) >= SAME
        dropped[[j for j in rivals[alike].tolist() if not seen[i] & seen[j]]] = True
    kept = order[~dropped[order]]
    return Merged(boxes[kept], best[kept], labels[kept], [groups[i] for i in kept.tolist()])


def _table(i: Array, j: Array, quality: Array, least: float) -> Array:
    good = quality >= least
    return np.stack([i[good], j[good], quality[good]], 1).astype(np.float64)


def _slack(loose: Array, boxes: Array, share: float = _TIGHT_SHARE) -> Array:
    """By how many pixels each side of boxes may be off, ``(n, 4)``."""
    return np.minimum(loose[:, None], share * np.tile(boxes[:, 2:] - boxes[:, :2], 2))


def _iou_snapped(boxes: Array, others: Array, slack: Array) -> Array:
    """Intersection over union of pairs of boxes, whose sides count as equal where they differ by up to `slack`."""
    close = np.where(np.abs(boxes - others) <= slack, others, boxes)
    return np.where(_areas(boxes) * _areas(others) > 0, _iou(close, others), 0)


def _clip(boxes: Array, windows: Array) -> Array:
    upper, lower = np.maximum(boxes[..., :2], windows[..., :2]), np.minimum(boxes[..., 2:], windows[..., 2:])
    return np.concatenate([upper, lower], -1)


def _areas(boxes: Array) -> Array:
    return np.prod(np.maximum(boxes[..., 2:] - boxes[..., :2], 0), -1)


def _overlaps(one: Array, other: Array) -> Array:
    return _areas(_clip(one, other))


def _meet(one: Array, other: Array) -> Array:
    """Whether each box of `one` ``(n, 4)`` and each of `other` ``(m, 4)`` have an area in common, ``(n, m)``."""
    return np.logical_and.reduce(
        [np.minimum.outer(one[:, i + 2], other[:, i + 2]) > np.maximum.outer(one[:, i], other[:, i]) for i in (0, 1)]
    )


def _iou(one: Array, other: Array) -> Array:
    common = _overlaps(one, other)
    return common / np.maximum(_areas(one) + _areas(other) - common, 1e-9)
