"""labelme's JSON files, one per image, which AnyLabeling and X-AnyLabeling write as well."""

from collections import Counter
from pathlib import Path
from typing import Any

from ....errors import UserError
from ....utils.text import short
from ..objects import box_of_polygon, ellipse
from .drawn_shapes import Content, Patch, Shape
from .file import get_list, get_name, get_points, get_size
from .per_image import JsonPerImage

_POLYGONS = ('polygon', 'rotation', 'oriented_rectangle', 'quadrilateral')
_NO_OBJECTS = ('line', 'linestrip', 'point', 'points')
_NO_CLASSES = {'__ignore__', '_background_'}
_CROWDS = ('crowd', 'iscrowd', 'difficult')


class Labelme(JsonPerImage):
    """Polygons, rectangles, circles and masks in a JSON file of the image's name."""

    name = 'labelme'
    kind = 'labelme'
    tools = {'labelme': '', 'AnyLabeling': '', 'X-AnyLabeling': 'its own JSON'}
    expects = '`*.json` of labelme, AnyLabeling or X-AnyLabeling beside the images (or `images/`, `labels/*.json`)'
    tree = """
train/
  a.jpg
  a.json
val/  # without split folders: divided 80/20
  b.jpg
  b.json
labels.txt  # optional: the order of the classes
"""
    signs = {'**/*.json': 'a JSON file per image', '**/*.jpg': 'images'}

    @staticmethod
    def parse(data: dict[str, Any], where: Path) -> Content | None:
        if 'shapes' not in data:
            return None
        shapes: list[Shape] = []
        skipped: Counter[str] = Counter()
        for number, item in enumerate(get_list(data, 'shapes', where), 1):
            shape = _parse_shape(item, f'{where}: shape {number}')
            if isinstance(shape, str):
                skipped[shape] += 1
            else:
                shapes.append(shape)
        named = data.get('imagePath')
        size = get_size(data.get('imageWidth'), data.get('imageHeight'), where)
        return Content(named if isinstance(named, str) else '', size, shapes, skipped, bool(data.get('imageData')))


def _parse_shape(item: dict[str, Any], where: str) -> Shape | str:
    """A shape, or why it is no object."""
    kind = item.get('shape_type') or 'polygon'  # old files do not say it
    if kind in _NO_OBJECTS:
        return str(kind)
    name, points = get_name(item.get('label'), where), get_points(item.get('points'), where)
    if name in _NO_CLASSES:
        return name
    flags = item.get('flags') if isinstance(item.get('flags'), dict) else {}
    crowd = any(item.get(key) is True or (flags or {}).get(key) is True for key in _CROWDS)
    flat = tuple(value for point in points for value in point)
    if kind == 'rectangle':
        if len(points) not in (2, 4):
            raise UserError(f'{where} is a rectangle of {len(points)} points, but needs 2 or 4')
        if len(points) == 2 or _is_upright(points):
            return Shape(name, box=box_of_polygon(flat), crowd=crowd)
        return Shape(name, polygon=flat, crowd=crowd)
    if kind == 'circle':
        if len(points) != 2:
            raise UserError(f'{where} is a circle of {len(points)} points, but needs 2: its center and one on it')
        (cx, cy), (px, py) = points
        radius = ((px - cx) ** 2 + (py - cy) ** 2) ** 0.5
        return Shape(name, polygon=ellipse(cx, cy, radius, radius), crowd=crowd)
    group = item.get('group_id')
    if group is not None and type(group) not in (int, str):
        raise UserError(f'{where} has the group_id {short(group)}, which is not a number')
    group = None if group == '' else group
    if kind == 'mask':
        png = item.get('mask')
        if len(points) != 2 or not isinstance(png, str):
            raise UserError(f'{where} is a mask, which needs 2 points and a PNG in base64 under "mask"')
        left, top, width, height = map(round, box_of_polygon(flat))  # of the first and the last pixel
        return Shape(name, patch=Patch(left, top, width + 1, height + 1, png), crowd=crowd, group=group)
    if kind not in _POLYGONS:
        raise UserError(
            f'{where} is of the type {short(kind)}; known are rectangle, circle, mask, {", ".join(_POLYGONS)}, and '
            f'{", ".join(_NO_OBJECTS)}, which are left out'
        )
    if len(points) < 3:
        return 'polygon with fewer than three corners'
    return Shape(name, polygon=flat, crowd=crowd, group=group)


def _is_upright(points: list[tuple[float, float]]) -> bool:
    """Whether four corners make a rectangle that is not rotated by more than a pixel."""
    xs, ys = sorted(x for x, _ in points), sorted(y for _, y in points)
    return max(xs[1] - xs[0], xs[3] - xs[2], ys[1] - ys[0], ys[3] - ys[2]) <= 1
