"""Pictures of tested images: the ground truth beside the prediction."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import cv2
import numpy as np
from pycocotools import mask as coco_mask

from ...evaluation.diagnosis.columns import Objects
from ...evaluation.diagnosis.results import Results
from ...visualization.drawing import draw_objects, draw_segmentation
from ..pictures import Pixels, data_uri, read_image, resized

Array = np.ndarray[Any, Any]

_SIDE = 480  # pixels of the longer side of each panel
_GAP = 8  # pixels between panels
_WHITE = 255
_DIMMED = 0.55  # brightness of what lies around the object in question
_MARGIN = 0.2  # of the object's longer side, which stays bright around it
_NAME = 22  # pixels that stay bright at the least: its name stands there
_CONTEXT = 1.5  # of the object's longer side, on each side of it in a detail
_LEAST = 64  # pixels of a detail
_CROWD = 60  # objects that are drawn, the most certain ones
_BYTES = 44 << 10  # of each panel
_IGNORED = -1  # in label maps


@dataclass(frozen=True)
class Shown:
    """What a test predicted, as it is to be drawn.

    Attributes:
        results: What the test has left.
        threshold: Score from which an object counts.
    """

    results: Results
    threshold: float = 0.0


def strip(shown: Sequence[Shown], places: Sequence[int], box: Sequence[float] | None = None) -> str | None:
    """The ground truth of an image on the left, and the predictions of one or several tests on its right.

    Args:
        shown: The tests, which are of the same images; the ground truth is that of the first.
        places: The place of the image among all images of each test.
        box: x, y, width and height of an object: only its surroundings are shown, and they are darkened. None: the
            whole image is shown.

    Returns:
        The source of an ``img``. None: the image is no longer where it was, cannot be read, or has another size.
    """
    results = shown[0].results
    image = results.images[places[0]]
    pixels = read_image(image.path) if image.path else None
    if pixels is None or pixels.shape[:2] != (image.height, image.width):
        return None
    view = _View.of(pixels, box)
    draw = view.draw_labels if results.task == 'semantic' else view.draw_objects
    truths = results.truths.of_image(places[0])
    panels = [draw(_chosen(truths, np.flatnonzero(~truths.crowds)), results.classes)]
    for test, place in zip(shown, places, strict=True):
        found = test.results.found.of_image(place)
        order = np.argsort(-found.scores, kind='stable')
        found = _chosen(found, order[found.scores[order] >= test.threshold])
        panels.append(draw(found, test.results.classes, scored=True))
    if box is not None:
        panels = [view.lit(panel, box) for panel in panels]
    gap = np.full((view.picture.shape[0], _GAP, 3), _WHITE, np.uint8)
    parts = [part for panel in panels for part in (gap, panel)][1:]
    return data_uri(np.concatenate(parts, axis=1), len(panels) * (_SIDE + _GAP), most=len(panels) * _BYTES)


def _chosen(objects: Objects, order: Array) -> Objects:
    """Some of the objects of an image."""
    return replace(
        objects,
        **{name: getattr(objects, name)[order] for name in ('ids', 'labels', 'boxes', 'scores', 'crowds')},
        masks=None if objects.masks is None else [objects.masks[index] for index in order],
        starts=np.array([0, len(order)]),
    )


@dataclass(frozen=True)
class _View:
    """A part of an image as it is shown.

    Attributes:
        window: Left, top, right and bottom of the part in pixels of the image.
        scale: What lengths are multiplied by.
        picture: The part, resized.
    """

    window: tuple[int, int, int, int]
    scale: float
    picture: Pixels

    @classmethod
    def of(cls, pixels: Pixels, box: Sequence[float] | None) -> '_View':
        """Cut out and resize what is shown of an image."""
        height, width = pixels.shape[:2]
        left, top, right, bottom = window = (0, 0, width, height) if box is None else _around(box, width, height)
        picture, scale = resized(pixels[top:bottom, left:right], _SIDE)
        return cls(window, scale, picture)

    def lit(self, drawing: Pixels, box: Sequence[float]) -> Pixels:
        """A drawing of the part that is darkened all around an object."""
        margin = max(_NAME / self.scale, _MARGIN * max(box[2:]))
        x, y = box[0] - self.window[0] - margin, box[1] - self.window[1] - margin
        corners = np.array([x, y, x + box[2] + 2 * margin, y + box[3] + 2 * margin]) * self.scale
        x1, y1, x2, y2 = corners.round().clip(0, max(drawing.shape)).astype(int)
        dark = (drawing * _DIMMED).astype(np.uint8)
        dark[y1:y2, x1:x2] = drawing[y1:y2, x1:x2]
        return dark

    def draw_objects(self, objects: Objects, classes: Sequence[str], scored: bool = False) -> Pixels:
        """The part with the objects that are in it."""
        corners = np.concatenate([objects.boxes[:, :2], objects.boxes[:, :2] + objects.boxes[:, 2:]], axis=1)
        left, top, right, bottom = self.window
        inside = (corners[:, :2] < (right, bottom)).all(axis=1) & (corners[:, 2:] > (left, top)).all(axis=1)
        order = np.flatnonzero(inside)[:_CROWD]
        boxes = (corners[order] - np.tile(self.window[:2], 2)) * self.scale
        shown = _chosen(objects, order)
        masks = None if not shown.masks else np.stack([self._mask(mask) for mask in shown.masks]) > 0
        return draw_objects(self.picture, boxes, shown.scores if scored else None, shown.labels, masks, classes)

    def draw_labels(self, objects: Objects, classes: Sequence[str], scored: bool = False) -> Pixels:
        """The part, tinted by its classes."""
        labels = np.full(self.picture.shape[:2], _IGNORED)
        for label, mask in zip(objects.labels, objects.masks or (), strict=True):
            labels[self._mask(mask) > 0] = label
        return draw_segmentation(self.picture, labels, classes)

    def _mask(self, mask: dict[str, Any]) -> Array:
        """An object's pixels in the picture, one object at a time: at full size, many masks would take gigabytes."""
        left, top, right, bottom = self.window
        part = coco_mask.decode(mask)[top:bottom, left:right]
        return np.asarray(cv2.resize(part, self.picture.shape[1::-1], interpolation=cv2.INTER_NEAREST))


def _around(box: Sequence[float], width: int, height: int) -> tuple[int, int, int, int]:
    """Left, top, right and bottom of an object's surroundings, inside the image."""
    side = max(_LEAST, round((1 + 2 * _CONTEXT) * max(box[2:])))
    across, down = min(side, width), min(side, height)
    left = round(min(max(box[0] + box[2] / 2 - across / 2, 0), width - across))
    top = round(min(max(box[1] + box[3] / 2 - down / 2, 0), height - down))
    return left, top, left + across, top + down
