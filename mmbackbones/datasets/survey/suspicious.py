"""Labels that may be wrong, found by boxes and numbers of pixels alone."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..checks.findings import Findings
from ..checks.label_maps import IGNORE_INDEX
from .label_maps import LabelMaps
from .objects import Boxes, Objects

SAME = 0.9  # intersection over union from which two boxes are one
THIN = 3  # pixels; a shorter side below is tiny
COVERING = 0.95  # share of the area of the image
SLIVER = 0.01  # share of the side of the image
_MAX_COMPARED = 4000  # boxes of an image that are all compared at once
_REACH = 0.5  # pixels from the border that still touch it

# What is suspicious -> its heading, and what it means.
KINDS = {
    'two classes': (
        'Two classes on one object',
        f'Two boxes of different classes that are nearly the same (IoU of {SAME:g} or more). One of the two names is '
        'probably wrong.',
    ),
    'repeated': (
        'Objects labeled twice',
        f'Two boxes of one class that are nearly the same (IoU of {SAME:g} or more). The second one teaches nothing, '
        'and counts as missed in a test.',
    ),
    'covering': (
        'Boxes around the whole image',
        f'Boxes that cover {COVERING:.0%} of their image or more, as a click beside the object leaves them.',
    ),
    'tiny': (
        'Tiny boxes',
        f'Boxes whose shorter side is below {THIN} pixels: slips of the mouse, or too small to be learned.',
    ),
    'sliver': (
        'Slivers at the border',
        f'Boxes along the border of the image that are thinner than {SLIVER:.0%} of it: remains of objects outside.',
    ),
    'clipped': (
        'Boxes that reach beyond their image',
        'Training clips them at the border. Many of them suggest labels that were made for another size of the images.',
    ),
    'dropped': (
        'Boxes without area',
        'Boxes of no width or height, or outside of their image. Training leaves them out.',
    ),
    'ignored': (
        'Label maps of which nothing is learned',
        'All pixels are ignored, so training and tests skip these images.',
    ),
    'one class': (
        'Label maps of a single class',
        'Every pixel is of one class: an image that was left unlabeled often looks like this.',
    ),
}


@dataclass(frozen=True)
class Suspect:
    """A label that may be wrong.

    Attributes:
        kind: One of :data:`KINDS`.
        image: Path of the image.
        boxes: Left, top, right and bottom in pixels of the box, or of the two that are nearly the same; none of label
            maps.
        names: The class of each.
    """

    kind: str
    image: str
    boxes: tuple[tuple[float, ...], ...]
    names: tuple[str, ...]


def find_suspects(objects: Objects, classes: tuple[str, ...]) -> list[Suspect]:
    """The suspicious objects of a split.

    Args:
        objects: The objects.
        classes: Name of each class.
    """
    found = []

    def add(kind: str, *indices: int) -> None:
        boxes = tuple(tuple(objects.boxes[index].tolist()) for index in indices)
        names = tuple(classes[objects.label[index]] for index in indices)
        found.append(Suspect(kind, objects.paths[objects.image[indices[0]]], boxes, names))

    for one, other in _pairs_of_same(objects):
        add('repeated' if objects.label[one] == objects.label[other] else 'two classes', one, other)
    taken = np.zeros(len(objects.boxes), bool)
    tests: dict[str, Callable[[Objects], npt.NDArray[np.bool_]]] = {
        'covering': _covers,
        'tiny': _is_tiny,
        'sliver': _is_sliver,
    }
    for kind, test in tests.items():  # each box is told of once
        chosen = test(objects) & ~taken
        taken |= chosen
        for index in np.flatnonzero(chosen).tolist():
            add(kind, index)
    return found


def repaired_suspects(findings: Findings) -> list[Suspect]:
    """The boxes that are not used as they are written."""
    return [
        Suspect(box.kind, box.image, ((x, y, x + width, y + height),), (box.name,))
        for box in findings.boxes
        for x, y, width, height in [box.box]
    ]


def odd_maps(maps: LabelMaps, classes: tuple[str, ...]) -> list[Suspect]:
    """The suspicious label maps of a split.

    Args:
        maps: The label maps.
        classes: Name of each class.
    """
    found = []
    for path, counts in zip(maps.paths, maps.pixels, strict=True):
        present = counts.keys() - {IGNORE_INDEX}
        if len(present) < 1:
            found.append(Suspect('ignored', path, (), ()))
        elif len(counts) == 1 < len(classes):
            found.append(Suspect('one class', path, (), tuple(classes[index] for index in present)))
    return found


def _covers(objects: Objects) -> npt.NDArray[np.bool_]:
    return np.asarray(objects.areas >= COVERING * objects.sizes[objects.image].prod(axis=1))


def _is_tiny(objects: Objects) -> npt.NDArray[np.bool_]:
    return np.asarray((objects.boxes[:, 2:] - objects.boxes[:, :2]).min(axis=1) < THIN)


def _is_sliver(objects: Objects) -> npt.NDArray[np.bool_]:
    sizes = objects.sizes[objects.image]
    at_border = (objects.boxes[:, :2] <= _REACH) | (objects.boxes[:, 2:] >= sizes - _REACH)
    thin = objects.boxes[:, 2:] - objects.boxes[:, :2] < SLIVER * sizes
    return np.asarray((at_border & thin).any(axis=1))


def _pairs_of_same(objects: Objects) -> Iterator[tuple[int, int]]:
    """Pairs of used boxes of one image that are nearly the same."""
    indices = np.flatnonzero(objects.used)
    starts = np.flatnonzero(np.diff(objects.image[indices])) + 1
    for group in np.split(indices, starts):
        if len(group) > _MAX_COMPARED:  # neighbors in order of their left sides
            group = group[np.argsort(objects.boxes[group, 0], kind='stable')]
        for start in range(0, len(group), _MAX_COMPARED):
            part = group[start : start + 2 * _MAX_COMPARED]
            if len(part) > 1:
                for one, other in np.argwhere(np.triu(_iou(objects.boxes[part]) >= SAME, 1)).tolist():
                    if one < _MAX_COMPARED:
                        yield int(part[one]), int(part[other])


def _iou(boxes: Boxes) -> Boxes:
    """Intersection over union of each two boxes."""
    size = np.minimum(boxes[:, None, 2:], boxes[None, :, 2:]) - np.maximum(boxes[:, None, :2], boxes[None, :, :2])
    shared = np.clip(size, 0, None).prod(axis=2)
    areas = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1)
    union = areas[:, None] + areas[None] - shared
    return np.asarray(np.divide(shared, union, out=np.zeros_like(shared), where=union > 0))
