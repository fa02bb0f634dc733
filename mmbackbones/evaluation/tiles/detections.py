"""Detections in several views of an image, and how those of different views are compared."""

from dataclasses import dataclass

import numpy as np

from .boxes import Array, areas, clip, iou, iou_snapped, meet, overlaps, slack_of
from .windows import Window

SAME = 0.5  # intersection over union from which two boxes of one class are of one object
_INSIDE = 0.8  # share of a piece that lies in an object of which it may be a fragment
_LOOSE = 2  # pixels of the network's input by which a predicted border may be off
_LOOSE_SHARE = 0.05  # of a side, by which it may be off, too, in the search for borders that cut it
_COARSE_SHARE = 0.45  # of a side, by which it may be off at most where one view shows an object in few pixels
_REACH = 1.0  # pixels that tiles are taken to reach over their borders, so that those without overlap meet
_OUTWARD = np.array([-_REACH, -_REACH, _REACH, _REACH], np.float32)


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


class Detections:
    """All that was found in the views of an image.

    Args:
        boxes: float32 ``(n, 4)``, xyxy in pixels of the image.
        labels: int64 ``(n,)``.
        view: int64 ``(n,)``, the view in which each was found, rising.
        views: The views.
    """

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
            others = np.flatnonzero(meet(self.reaches, reach[None])[:, 0][self.view])
            others = others[self.view[others] > number]
            if not len(here) or not len(others):
                continue
            of_one_class = np.equal.outer(self.labels[here], self.labels[others])
            i, j = np.nonzero(of_one_class & meet(self.shown[here], self.shown[others]))
            for pairs, more in zip(found, self._compare(here[i], others[j]), strict=True):
                pairs.append(more)
        same, finer, explained, alike = (np.concatenate([np.zeros((0, 3)), *pairs]) for pairs in found)
        return same, finer, explained, alike

    def _compare(self, i: Array, j: Array) -> tuple[Array, Array, Array, Array]:
        i, j = np.where(self.pixel[i] < self.pixel[j], [j, i], [i, j])
        cut_i, cut_j = self.cut[i].any(1), self.cut[j].any(1)
        alike = self.pixel[i] == self.pixel[j]
        whole = ~cut_i & ~cut_j & alike
        same = _table(i[whole], j[whole], iou(self.boxes[i[whole]], self.boxes[j[whole]]), SAME)
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
        slack = slack_of(np.maximum(self.loose[i], self.loose[j]), self.boxes[j], _COARSE_SHARE)
        return iou_snapped(self.boxes[i], self.boxes[j], slack)

    def match(self, piece: Array, boxes: Array, loose: Array) -> Array:
        """How well boxes explain pieces: as what the tile shows of them, or as what the piece is a fragment of.

        Args:
            piece: Numbers of the pieces.
            boxes: A box for each.
            loose: Pixels by which the sides of each box may be off.
        """
        shown = self.shown[piece]
        slack = slack_of(np.maximum(loose, self.loose[piece]), boxes)
        alike = iou_snapped(clip(boxes, self.reaches[self.view[piece]]), shown, slack)
        beyond = (boxes - self.boxes[piece]) * np.sign(_OUTWARD) > slack
        inside = overlaps(self.boxes[piece], boxes + slack * np.sign(_OUTWARD)) >= _INSIDE * areas(self.boxes[piece])
        return np.maximum(alike, np.where(inside & (beyond & self.cut[piece]).any(1), SAME, 0))

    def _alike(self, i: Array, j: Array) -> Array:
        """How alike two pieces are in what both of their tiles show."""
        first = clip(self.shown[i], self.reaches[self.view[j]])
        second = clip(self.shown[j], self.reaches[self.view[i]])
        smaller = np.where((areas(self.boxes[i]) < areas(self.boxes[j]))[:, None], self.boxes[i], self.boxes[j])
        return iou_snapped(first, second, slack_of(np.maximum(self.loose[i], self.loose[j]), smaller))

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
        return bool((iou(clip(whole[None], self.reaches[self.view[members]]), self.shown[members]) >= SAME).all())

    def union(self, members: list[int]) -> Array:
        """The box around detections."""
        return np.concatenate([self.boxes[members, :2].min(0), self.boxes[members, 2:].max(0)])


def _table(i: Array, j: Array, quality: Array, least: float) -> Array:
    good = quality >= least
    return np.stack([i[good], j[good], quality[good]], 1).astype(np.float64)
