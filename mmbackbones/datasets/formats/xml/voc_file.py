"""The XML file that Pascal VOC, and after it many tools, write for an image."""

import math
from collections.abc import Collection, Iterable
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

from ....errors import UserError
from ....utils.text import short
from ....utils.xml_file import read_xml
from ...checks.image_sizes import describe_size_mismatch, parse_side
from ...checks.images import ImageInfo
from ..objects import Object, box_of_polygon, describe_rotated, parse_degrees, rotated_rectangle

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')
_YES, _NO = {'1', '1.0', 'true', 'yes'}, {'0', '0.0', 'false', 'no', '', 'unspecified'}  # as tools write them


class VocObject(NamedTuple):
    """An object as the file holds it.

    Attributes:
        name: Its class.
        corners: Left, top, right and bottom, as written.
        whole: Whether they are written without a decimal point.
        difficult: Whether VOC's evaluation ignores it.
        polygon: Its outline, ``x1, y1, x2, y2, ...``, as Roboflow adds it; empty if there is none.
        degrees: By how much CVAT says that its box is rotated, whose corners are those before the rotation.
    """

    name: str
    corners: tuple[float, float, float, float]
    whole: bool
    difficult: bool
    polygon: tuple[float, ...]
    degrees: float


class VocFile(NamedTuple):
    """Content of an XML file.

    Attributes:
        path: The file.
        image: Name of the image; often wrong, because tools keep it when files are renamed.
        size: Width and height of the image; None where it is not given.
        objects: The objects.
    """

    path: Path
    image: str
    size: tuple[int | None, int | None]
    objects: list[VocObject]

    def check_size(self, info: ImageInfo, image: str) -> None:
        """Raise UserError if the image file has another size than this file says.

        Args:
            info: What was found in the image file.
            image: How the message calls it.
        """
        if fault := describe_size_mismatch(self.size, info):
            raise UserError(f'{self.path}: the image {image} {fault}')


def read_voc_file(file: Path) -> VocFile:
    """Read an XML file.

    Raises:
        UserError: It is unreadable or malformed; the message names the object.
    """
    tree = read_xml(file)
    if tree.tag != 'annotation':
        raise UserError(
            f'{file} must begin with <annotation> as in Pascal VOC, but begins with <{short(tree.tag)[1:-1]}>'
        )
    objects = [_parse_object(item, f'{file}: object {number}') for number, item in enumerate(tree.findall('object'), 1)]
    try:
        size = parse_side(tree.findtext('size/width')), parse_side(tree.findtext('size/height'))
    except ValueError as error:
        raise UserError(f'{file}: the size of the image, {error}, is not a number of pixels') from error
    return VocFile(file, tree.findtext('filename') or '', size, objects)


def count_from_one(files: Collection[VocFile]) -> bool:
    """Whether corners are VOC's own, the first and last pixel of a box, counted from 1.

    Tools such as CVAT write distances from the edges of the image: 0 occurs, or most have a decimal point. VOC itself
    has a few with a decimal point.
    """
    found = [item for file in files for item in file.objects]
    return all(min(item.corners) >= 1 for item in found) and 2 * sum(item.whole for item in found) >= len(found)


def to_objects(file: VocFile, from_one: bool) -> list[Object]:
    """The objects in an image, their corners as distances from the edges of the image in pixels.

    Args:
        file: The XML file of the image.
        from_one: Whether corners are pixels counted from 1, the last one inclusive.
    """
    found = []
    for name, (left, top, right, bottom), _, difficult, polygon, degrees in file.objects:
        x, y = (left - 1, top - 1) if from_one else (left, top)
        box = (x, y, max(right - x, 0), max(bottom - y, 0))
        if degrees:
            box = box_of_polygon(rotated_rectangle(*box, degrees))
        polygons = (polygon,) if polygon else ()
        found.append(Object(name, box, polygons, difficult))
    return found


def classes_of(files: Iterable[VocFile]) -> list[str]:
    """The classes that occur, sorted: nothing else lists them."""
    return sorted({item.name for file in files for item in file.objects})


def describe_rotations(files: Iterable[VocFile], name: str) -> list[str]:
    """A note on boxes that are rotated, if there are any."""
    rotated = sum(item.degrees != 0 for file in files for item in file.objects)
    return [describe_rotated(name, rotated)] if rotated else []


def refuse_fractions(files: Iterable[VocFile], place: Path) -> None:
    """Raise UserError if all corners are fractions of the image: no far corner lies beyond 1.

    Args:
        files: The XML files of the data set.
        place: Where they are, for the message.
    """
    corners = [item.corners for file in files for item in file.objects]
    if corners and all(right <= 1 and bottom <= 1 for _, _, right, bottom in corners):
        raise UserError(
            f'{place}: the corners of all {len(corners)} boxes lie between 0 and 1: they look like fractions of the '
            'image, but must be pixels'
        )


def _parse_object(item: ElementTree.Element, where: str) -> VocObject:
    name = (item.findtext('name') or '').strip()
    if not name:
        raise UserError(f'{where} has no name')
    box = item.find('bndbox')
    if box is None and item.find('robndbox') is not None:
        raise UserError(f'{where} is a rotated box of roLabelImg, which cannot be read: save it as an upright box')
    texts = ['' if box is None else box.findtext(corner) or '' for corner in CORNERS]  # a path would be slow
    try:
        left, top, right, bottom = (float(text) for text in texts)
    except ValueError as error:
        raise UserError(f'{where} needs a number for each of {", ".join(CORNERS)}') from error
    # VOC counts both corners in: a box that ends 1 before it begins is empty.
    width, height = right - left + 1, bottom - top + 1
    if not (math.isfinite(width) and math.isfinite(height)) or width < 0 or height < 0:
        raise UserError(f'{where} has the corners {left:g}, {top:g}, {right:g}, {bottom:g}, which do not make a box')
    difficult = (item.findtext('difficult') or '').strip().lower()
    if difficult not in _YES | _NO:
        raise UserError(f'{where} has <difficult>{short(difficult)[1:-1]}</difficult>, which is neither 0 nor 1')
    whole = not any('.' in text for text in texts)
    polygon, degrees = _parse_polygon(item, where), _find_rotation(item)
    return VocObject(name, (left, top, right, bottom), whole, difficult in _YES, polygon, degrees)


def _find_rotation(item: ElementTree.Element) -> float:
    """CVAT's attribute of a rotated box, in degrees clockwise; 0 if there is none."""
    attributes = item.iterfind('attributes/attribute')
    return next(
        (parse_degrees(each.findtext('value')) for each in attributes if each.findtext('name') == 'rotation'), 0.0
    )


def _parse_polygon(item: ElementTree.Element, where: str) -> tuple[float, ...]:
    """Roboflow's outline: <polygon> with <x1>, <y1>, <x2>, <y2> and so on."""
    polygon = item.find('polygon')
    if polygon is None:
        return ()
    texts = {child.tag: child.text or '' for child in polygon}
    keys = [f'{axis}{number}' for number in range(1, len(texts) // 2 + 1) for axis in 'xy']
    try:
        values = tuple(float(texts[key]) for key in keys)
    except (KeyError, ValueError):
        values = (math.nan,)
    if not all(map(math.isfinite, values)):
        raise UserError(f'{where} has a <polygon> that is not made of numbers x1, y1, x2, y2 and so on')
    return values if len(values) >= 6 else ()
