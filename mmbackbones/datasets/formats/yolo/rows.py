"""Rows of YOLO's label files: a class index, and a box, corners or keypoints as fractions of the image."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ....errors import UserError
from ....utils.files import is_regular, read_text
from ...checks.corners import count_beyond
from ..objects import box_of_polygon, polygon_area

CORNERS_OF_A_BOX = 8  # coordinates of an oriented box
_OVERSHOOT = 0.01  # of the image, that a box may reach beyond it by rounding
_MAX_HEAD = 1 << 12  # bytes that are read to tell what a text file is


class Row(NamedTuple):
    """An object in a label file.

    Attributes:
        label: Index of its class, as it is written.
        values: ``cx cy w h`` or the corners of a polygon, as fractions of the image; of a pose, its box alone.
        line: Number of its line.
        track: Whether it had the number of a track behind its box.
    """

    label: float
    values: list[float]
    line: int
    track: bool


def read_rows(file: Path, keypoints: int = 0) -> list[Row]:
    """The objects in a label file; blank lines are none.

    Args:
        file: The label file.
        keypoints: Number of values behind the box of each object, of a data set of poses.

    Raises:
        UserError: The file is unreadable, or a line is not an object; the message names it.
    """
    rows = []
    for number, line in enumerate(read_text(file).splitlines(), 1):
        if words := line.split():
            try:
                rows.append(_parse_row(words, number, keypoints))
            except ValueError as error:
                raise UserError(f'{file}, line {number}: {error}') from error
    return rows


def _parse_row(words: Sequence[str], line: int, keypoints: int) -> Row:
    # Called 860,000 times for COCO: plain comparisons, no generators, and a message is built only for a defect.
    try:
        label, *values = map(float, words)
    except ValueError as error:
        raise ValueError(f'{" ".join(words)[:40]!r} is not a row of numbers') from error
    track = False
    if keypoints:
        if len(values) not in (4, 4 + keypoints):
            raise ValueError(
                f'has {len(values)} numbers after the class, but with the kpt_shape of the data set it needs '
                f'{4 + keypoints}'
            )
        del values[4:]
    elif len(values) == 5:
        if not words[-1].isdecimal():
            raise ValueError(
                'a number follows "class cx cy w h", as in predictions with their confidence (save_conf), which are '
                'no annotations: if they are to be trained on, remove this column'
            )
        track = True
        del values[4]
    for value in values:
        if not -1 <= value <= 2:  # a little outside is clipped later; NaN is refused here as well
            raise ValueError('coordinates must be fractions of the image, 0 to 1, not pixels')
    if len(values) == 4:
        if values[2] < 0 or values[3] < 0:
            raise ValueError('width and height must not be negative')
    elif len(values) < 6 or len(values) % 2:
        raise ValueError('a row is "class cx cy w h" or "class x1 y1 x2 y2 x3 y3 ..."')
    return Row(label, values, line, track)


def to_coco(values: Sequence[float], width: int, height: int, mask: bool) -> dict[str, Any]:
    """COCO's bbox, area and, if there are corners, segmentation of a row's `values`.

    Args:
        values: As in :class:`Row`.
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        mask: Whether corners are the outline of a mask; if not, they count for their box only.
    """
    if len(values) == 4:
        x, y, w, h = values[0] * width, values[1] * height, values[2] * width, values[3] * height
        # COCO's own precision, 1/100 pixel: so a box of 1 pixel does not become one of 0.999
        return {'bbox': [round(x - w / 2, 2), round(y - h / 2, 2), round(w, 2), round(h, 2)], 'area': w * h}
    polygon = [value * (height if index % 2 else width) for index, value in enumerate(values)]
    box = [round(value, 2) for value in box_of_polygon(polygon)]
    if not mask:
        return {'bbox': box, 'area': box[2] * box[3]}
    return {'bbox': box, 'area': polygon_area(polygon), 'segmentation': [[round(value, 2) for value in polygon]]}


def may_be_corners(values: Sequence[float]) -> bool:
    """Whether the four values of a box make sense as two corners, too."""
    x, y, w, h = values
    return x < w <= 1 and y < h <= 1


def refuse_corners(boxes: Sequence[Sequence[float]], source: str) -> None:
    """Raise UserError if boxes that may be corners often reach beyond their images.

    Args:
        boxes: Four values of each box, as in :class:`Row`.
        source: What messages call the label files.
    """
    count = count_beyond(
        (may_be_corners(box), not (_inside(box[0], box[2]) and _inside(box[1], box[3]))) for box in boxes
    )
    if count:
        raise UserError(
            f'{source}: as center, width and height, {count} of the {len(boxes)} boxes reach beyond their images, but '
            'as two corners all fit: write rows as "class cx cy w h", in fractions of the image'
        )


def _inside(center: float, length: float) -> bool:
    return center - length / 2 >= -_OVERSHOOT and center + length / 2 <= 1 + _OVERSHOOT


def looks_like_labels(file: Path) -> bool | None:
    """Whether a text file holds objects, told by its first line; None if it holds only blanks."""
    try:
        if not is_regular(file):
            return False
        with file.open('rb') as stream:
            lines = stream.read(_MAX_HEAD).decode('utf-8-sig', 'replace').splitlines()
    except OSError:
        return False
    first = next(filter(str.strip, lines), None)
    if first is None:
        return None
    try:
        return len(list(map(float, first.split()[:-1]))) >= 4  # without the last number, which may be cut off
    except ValueError:
        return False
