"""Images of a data set with their labels drawn on them, in the size of a page."""

from collections.abc import Collection, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from ...datasets.survey.label_maps import LabelMaps, read_classes
from ...datasets.survey.objects import Objects
from ...datasets.survey.survey import Survey
from ...engine.model_inputs import ModelInput
from ...utils.masks import dense_masks
from ...visualization.drawing import Pixels, draw_objects, draw_segmentation
from ..pictures import read_image, resized

SIDE = 320  # pixels of the longer side
_GRAY = 150


def draw_labels(survey: Survey, split: str, index: int, side: int = SIDE) -> Pixels:
    """An image with all of its labels.

    Args:
        survey: The data set.
        split: Name of the split.
        index: Index of the image in the split.
        side: Pixels of the longer side of the drawing.
    """
    content, classes = survey.splits[split], survey.data.classes
    image = read_image(Path(content.paths[index]))
    if image is None:
        return blank(side)
    small, scale = resized(image, side)
    if isinstance(content, LabelMaps):
        return draw_segmentation(small, _shrunk(read_classes(content.maps[index], survey.data.table), small), classes)  # type: ignore[union-attr]
    return draw_boxes(small, scale, content, index, classes)


def draw_boxes(small: Pixels, scale: float, objects: Objects, index: int, classes: Sequence[str]) -> Pixels:
    """The objects of an image over it.

    Args:
        small: The image, resized.
        scale: By what.
        objects: All objects of its split.
        index: Its index there.
        classes: Name of each class.
    """
    place = objects.of_image(index)
    masks = None
    if index in objects.masks:
        width, height = objects.sizes[index].tolist()
        masks = np.stack([_shrunk(mask, small) for mask in dense_masks(objects.masks[index], height, width)])
    return draw_objects(small, objects.boxes[place] * scale, None, objects.label[place], masks, classes)


def draw_input(given: ModelInput, classes: Sequence[str], side: int = SIDE) -> Pixels:
    """What a model is given, with its labels."""
    small, scale = resized(given.image, side)
    if given.segmentation is not None:
        return draw_segmentation(small, _shrunk(given.segmentation, small), classes)
    masks = given.masks
    if masks is not None and len(masks):
        masks = np.stack([_shrunk(mask, small) for mask in masks])
    assert given.boxes is not None
    assert given.labels is not None
    return draw_objects(
        small, given.boxes * scale, None, given.labels, masks if masks is not None and len(masks) else None, classes
    )


def cut_out(
    image: Pixels, box: Sequence[float], side: int, margin: float = 0.25, beyond: int = _GRAY
) -> tuple[Pixels, npt.NDArray[np.float64]]:
    """A square around a box.

    Args:
        image: In RGB.
        box: Left, top, right and bottom in pixels.
        side: Pixels of a side of the cut.
        margin: Width of what is shown around the box, relative to its longer side.
        beyond: Level of gray beyond the image.

    Returns:
        The cut, and the box in it.
    """
    left, top, right, bottom = box
    half = max(right - left, bottom - top, 8) * (0.5 + margin)
    scale = side / (2 * half)
    shift = np.array([(left + right) / 2 - half, (top + bottom) / 2 - half])
    matrix = np.array([[scale, 0, -scale * shift[0]], [0, scale, -scale * shift[1]]])
    # Pixels are averaged where the cut is smaller than what it shows.
    if scale < 0.5:
        factor = 2 * scale
        size = [max(1, round(length * factor)) for length in image.shape[1::-1]]
        image = np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
        matrix[:, :2] /= factor
    cut = cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR, borderValue=(beyond,) * 3)
    return np.asarray(cut, np.uint8), (np.array(box, np.float64).reshape(2, 2) - shift).ravel() * scale


def blank(side: int) -> Pixels:
    """The stand-in for an image that cannot be shown."""
    return np.full((side * 3 // 4, side, 3), _GRAY, np.uint8)


def spread(candidates: Sequence[int] | npt.NDArray[np.integer], number: int) -> list[int]:
    """At most `number` of some candidates, evenly spaced."""
    if len(candidates) <= number:
        return [int(item) for item in candidates]
    places = np.linspace(0, len(candidates) - 1, number).round().astype(int)
    return [int(candidates[place]) for place in places]


def relative(path: str, root: Path) -> str:
    """A path as it is shown: below the data folder where it lies there."""
    folder = root if root.is_dir() else root.parent
    return str(Path(path).relative_to(folder)) if Path(path).is_relative_to(folder) else path


def named(names: Collection[str], most: int = 5) -> str:
    """Names in a sentence, the first few and how many there are more."""
    shown = ', '.join(list(names)[:most])
    return f'{shown} and {len(names) - most} more' if len(names) > most else shown


def _shrunk(values: npt.NDArray, like: Pixels) -> npt.NDArray:
    """A map of labels or a mask in the size of another image."""
    small = cv2.resize(values.astype(np.uint8), like.shape[1::-1], interpolation=cv2.INTER_NEAREST)
    return small.astype(values.dtype)
