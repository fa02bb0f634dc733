"""What a model found in an image, drawn so that people can read it."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .class_colors import class_color
from .label_places import LabelPlaces
from .legend import draw_legend, paint
from .outlines import draw_outlines
from .style import line_width, text_size
from .text import class_name, fitting_label
from .tint import deepest_points, tint_regions

Pixels = npt.NDArray[np.uint8]
_OVER_ITS_REGION = 0.9  # part of a name in a segmentation; the rest may reach into other regions


def draw_objects(
    image: Pixels,
    boxes: npt.NDArray[np.floating],
    scores: npt.NDArray[np.floating] | None,
    labels: npt.NDArray[np.integer],
    masks: npt.NDArray[np.bool_] | None,
    classes: Sequence[str],
) -> Pixels:
    """Draw objects over an image: boxes, masks if there are any, names and scores.

    Labels stand beside their objects and not over each other. In a crowd, some have only the score or are left out, and
    a legend names the classes that no label does. Equal arguments give equal drawings.

    Args:
        image: The image in RGB, of shape ``(H, W, 3)``; it is not changed.
        boxes: Left, top, right and bottom of each object in pixels, of shape ``(N, 4)``. Objects whose boxes are not
            finite or outside of the image are left out.
        scores: Score of each object, of shape ``(N,)``; None for the ground truth.
        labels: Index of each object's class, of shape ``(N,)``. The first objects are labeled first.
        masks: Pixels of each object, of shape ``(N, H, W)``, or None.
        classes: Name of each class; any text.

    Returns:
        The drawing in RGB, of the shape of the image.
    """
    height, width = image.shape[:2]
    boxes = np.asarray(boxes, np.float64).reshape(-1, 4)
    visible = _visible(boxes, width, height)
    if not visible.any():
        return image.copy()
    inner = _whole_pixels(boxes[visible], width, height)
    indices = [int(label) for label in np.asarray(labels)[visible]]
    values = [''] * len(indices) if scores is None else [f'{score:.2f}' for score in np.asarray(scores)[visible]]
    if masks is not None and not visible.all():  # a copy of all masks of a large image would take gigabytes
        masks = masks[visible]
    line = line_width(width, height, inner)
    # Lines lie outside of what they surround, as far as the picture reaches.
    outer = np.clip(inner + np.array([-line, -line, line, line]), 0, (width, height) * 2)
    picture = draw_outlines(image, outer, indices, masks, line)
    size, places = text_size(width, height, inner), LabelPlaces(outer, width, height)
    _label_objects(picture, indices, values, classes, size, places)
    return picture


def draw_segmentation(image: Pixels, segmentation: npt.NDArray[np.integer], classes: Sequence[str]) -> Pixels:
    """Tint each pixel of an image by its class, so that the photograph is still seen, and name the classes.

    The name of a class stands in its widest region; a legend names those whose regions are too small for that. A class
    called "background" is not tinted.

    Args:
        image: The image in RGB, of shape ``(H, W, 3)``; it is not changed.
        segmentation: Index of each pixel's class, of shape ``(H, W)``. Pixels of any other value, such as 255 in the
            ground truth, stay as they are.
        classes: Name of each class; any text.

    Returns:
        The drawing in RGB, of the shape of the image.
    """
    height, width = image.shape[:2]
    values = [0 if is_background(name) else 1 + index for index, name in enumerate(classes)]
    # The last entry is that of whatever is no class: numbers beyond the last one, and -1.
    regions = np.array([*values, 0], np.uint16)[np.clip(np.asarray(segmentation, np.int64), -1, len(classes))]
    picture = tint_regions(image, regions, max(1, line_width(width, height) // 2))
    _name_regions(picture, regions, classes)
    return picture


def is_background(name: str) -> bool:
    """Whether a class is called "background", which is not tinted."""
    return name.strip(' _').lower() == 'background'


def _visible(boxes: npt.NDArray[np.floating], width: int, height: int) -> npt.NDArray[np.bool_]:
    """Whether each box is finite and not outside of the image."""
    left, top, right, bottom = boxes.T
    return np.isfinite(boxes).all(axis=1) & (right >= 0) & (bottom >= 0) & (left <= width) & (top <= height)


def _whole_pixels(boxes: npt.NDArray[np.floating], width: int, height: int) -> npt.NDArray[np.int64]:
    """Boxes inside the image, of at least one pixel."""
    least = np.clip(np.floor(boxes[:, :2] + 0.01), 0, (width - 1, height - 1))
    most = np.clip(np.ceil(boxes[:, 2:] - 0.01), least + 1, (width, height))
    return np.concatenate([least, most], axis=1).astype(np.int64)


def _label_objects(
    picture: Pixels, indices: list[int], values: list[str], classes: Sequence[str], size: int, places: LabelPlaces
) -> None:
    """Label objects in place, as far as there is room, by name and value or else by the value alone."""
    unnamed = {*indices}
    for number, (index, value) in enumerate(zip(indices, values, strict=True)):
        full = class_name(index, classes)
        for name in (full, '') if value else (full,):
            label = fitting_label(name, value, size, class_color(index), picture.shape[1])
            place = places.beside(number, label.shape[1], label.shape[0])
            if place:
                paint(picture, label, *place)
                if name:
                    unnamed.discard(index)
                break
    draw_legend(picture, sorted(unnamed), classes, size, places)


def _name_regions(picture: Pixels, regions: npt.NDArray[np.uint16], classes: Sequence[str]) -> None:
    """Name the regions of a segmentation in place."""
    height, width = regions.shape
    size, places = text_size(width, height), LabelPlaces(np.empty((0, 4), int), width, height)
    unnamed = []
    for value, (x, y) in deepest_points(regions).items():
        label = fitting_label(class_name(value - 1, classes), '', size, class_color(value - 1), width // 2)
        left, top = round(x - label.shape[1] / 2), round(y - label.shape[0] / 2)
        under = regions[max(top, 0) : top + label.shape[0], max(left, 0) : left + label.shape[1]] == value
        place = places.around(x, y, label.shape[1], label.shape[0]) if under.mean() > _OVER_ITS_REGION else None
        if place:
            paint(picture, label, *place)
        else:
            unnamed.append(value - 1)
    draw_legend(picture, sorted(unnamed), classes, size, places)
