"""The pictures of a panel, stage by stage."""

from typing import TYPE_CHECKING, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from .kinds import COMPONENTS, KINDS
from .shade import color_limits, mark_point, shade

if TYPE_CHECKING:
    from .attention import Attention, AttentionMap

Pixels = npt.NDArray[np.uint8]
Floats = npt.NDArray[np.float32]
Box = tuple[float, float, float, float]  # left, top, right and bottom as shares of the image's width and height

_WHOLE: Box = (0, 0, 1, 1)
_SMALL = 0.35  # share of the image's sides below which what is seen is enlarged
_ALL = 0.995  # of the weight
_AROUND = 1.6  # sides of what is shown then, relative to what is seen


class Cell(NamedTuple):
    """A picture of the panel.

    Attributes:
        title: What it shows.
        note: The range of its values, and how much it is enlarged.
        picture: RGB.
    """

    title: str
    note: str
    picture: Pixels


class Row(NamedTuple):
    """The pictures of a stage.

    Attributes:
        heading: Which stage.
        note: Which layer.
        cells: The pictures.
    """

    heading: str
    note: str
    cells: list[Cell]


def cells_of(attention: 'Attention', size: tuple[int, int]) -> list[Row]:
    """The pictures of all stages, each of `size`: width and height in pixels."""
    rows = []
    for number in dict.fromkeys(found.stage for found in attention.maps):
        maps = [found for found in attention.maps if found.stage == number]
        cells = [_cell(attention, found, size) for found in maps]
        if number:
            colors = np.uint8(255 * attention.components[number - 1] + 0.5)
            picture = cv2.resize(colors, size, interpolation=cv2.INTER_NEAREST)
            cells.insert(1, Cell(COMPONENTS.title, '', _marked(picture, attention, _WHOLE)))
        side = 4 * 2 ** (number - 1)
        heading = f'Stage {number}: squares of {side} x {side} pixels' if number else 'Stem'
        layers = dict.fromkeys(found.layer for found in maps if found.layer)
        rows.append(Row(heading, ', '.join(layers), cells))
    return rows


def whole_image(attention: 'Attention', size: tuple[int, int]) -> Pixels:
    """The image with the point."""
    return _marked(_resized(attention.image, _WHOLE, size), attention, _WHOLE)


def _cell(attention: 'Attention', found: 'AttentionMap', size: tuple[int, int]) -> Cell:
    kind = KINDS[found.kind]
    limits = color_limits(found.map, kind)
    box = _box(found.map) if kind.of_point and not kind.root else _WHOLE
    height, width = found.map.shape
    left, top, right, bottom = (round(at * side) for at, side in zip(box, (width, height) * 2, strict=True))
    part = found.map[top : max(bottom, top + 1), left : max(right, left + 1)]
    picture = shade(_resized(attention.image, box, size), part, kind, limits)
    words = []
    if kind.of_point and found.share < _ALL:
        words.append(f'{found.share:.0%} of the weight')
    if box != _WHOLE:
        words.append(f'enlarged {1 / (box[2] - box[0]):.2g}x')
    note = ' to '.join(f'{limit:.3g}' for limit in limits) + '\n' + ', '.join(words)
    return Cell(kind.title, note.rstrip(), _marked(picture, attention, box))


def _box(values: Floats) -> Box:
    """The part of the image in which something is seen, with some surroundings; all of it unless that is small."""
    height, width = values.shape
    seen = values > 0
    rows, columns = np.flatnonzero(seen.any(1)), np.flatnonzero(seen.any(0))
    if not rows.size:
        return _WHOLE
    spans = [(columns[0] / width, (columns[-1] + 1) / width), (rows[0] / height, (rows[-1] + 1) / height)]
    side = max(most - least for least, most in spans)
    if side > _SMALL:
        return _WHOLE
    side *= _AROUND
    (left, top) = (min(max((least + most - side) / 2, 0), 1 - side) for least, most in spans)
    return left, top, left + side, top + side


def _resized(image: Pixels, box: Box, size: tuple[int, int]) -> Pixels:
    height, width = image.shape[:2]
    left, top, right, bottom = (at * side for at, side in zip(box, (width, height) * 2, strict=True))
    part = image[int(top) : max(int(top) + 1, round(bottom)), int(left) : max(int(left) + 1, round(right))]
    smaller = part.shape[1] > size[0]
    resized = cv2.resize(part, size, interpolation=cv2.INTER_AREA if smaller else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def _marked(picture: Pixels, attention: 'Attention', box: Box) -> Pixels:
    """A picture of a part of the image, with the point."""
    left, top, right, bottom = box
    height, width = attention.image.shape[:2]
    x, y = attention.point
    across, down = ((x + 0.5) / width - left) / (right - left), ((y + 0.5) / height - top) / (bottom - top)
    radius = max(3, round(min(picture.shape[:2]) / 30))
    return mark_point(picture, across * picture.shape[1] - 0.5, down * picture.shape[0] - 0.5, radius)
