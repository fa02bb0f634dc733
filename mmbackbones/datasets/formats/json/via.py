"""VGG Image Annotator (Dutta and Zisserman, ACM MM 2019), versions 1 and 2: JSON files and projects."""

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from ....errors import UserError
from ....utils.text import short
from ..base import Annotations
from ..json_kind import JsonKind
from ..objects import ellipse
from .drawn_shapes import Content, Shape
from .file import get_name, get_numbers
from .lists import JsonLists

ONLY_CLASS = 'object'  # where regions have no attributes, as in tutorials with a single class
_NO_OBJECTS = ('point', 'polyline')
_UNSET = ('', 'undefined', None)  # values of attributes


class Via(JsonLists):
    """Rectangles, circles, ellipses and polygons, whose class is their only attribute."""

    name = 'VIA'
    kind: ClassVar[JsonKind] = 'VIA'
    tools = {'VGG Image Annotator (VIA)': 'JSON'}
    expects = '`{train,val}/via_region_data.json` (or a project of VGG Image Annotator) beside the images'
    tree = """
train/
  via_region_data.json
  *.jpg
val/
  via_region_data.json
  *.jpg
"""
    signs = {'**/*.json': 'the regions of all images', '**/*.jpg': 'images'}

    _is_named = True  # whether the regions have a class

    def read(self, split: str) -> Annotations:
        found = super().read(split)
        if self._is_named:
            return found
        note = f'{self.splits[split]}: the regions have no attributes: they are of one class, called {ONLY_CLASS!r}'
        return replace(found, notes=(note, *found.notes))

    def parse(self, files: Mapping[Path, Any]) -> list[list[Content]]:
        listed = {file: _list_regions(data, file) for file, data in files.items()}
        regions = [region for images in listed.values() for _, found in images for region, _ in found]
        attribute = self._find_attribute([region['region_attributes'] for region in regions])
        self._is_named = attribute is not None
        parsed: list[list[Content]] = []
        for images in listed.values():
            parsed.append([])
            for image, found in images:
                content = Content(image, (None, None), [])
                for region, where in found:
                    shape = _parse_shape(region['shape_attributes'], where)
                    if isinstance(shape, str):
                        content.skipped[shape] += 1
                        continue
                    name = _get_class(region['region_attributes'].get(attribute), attribute, where)
                    content.shapes.append(Shape(name, **shape))
                parsed[-1].append(content)
        return parsed

    def _find_attribute(self, regions: list[dict[str, Any]]) -> str | None:
        """The attribute that is the class; None if there is none."""
        names = sorted({name for region in regions for name, value in region.items() if value not in _UNSET})
        if len(names) > 1:
            raise UserError(
                f'{self.root}: the regions have several attributes ({", ".join(map(short, names))}), so that it is not '
                'known which is the class: keep one of them in VIA, and export again'
            )
        return names[0] if names else None


def _list_regions(data: Any, file: Path) -> list[tuple[str, list[tuple[dict[str, Any], str]]]]:
    """Each image of a file with its regions and what messages call them; those of version 1 are in a table."""
    images = data.get('_via_img_metadata', data) if isinstance(data, dict) else data
    entries = images.values() if isinstance(images, dict) else [None]
    listed = []
    for entry in entries:
        if not isinstance(entry, dict) or not isinstance(entry.get('filename'), str) or not entry['filename']:
            raise UserError(f'{file} must list images with "filename" and "regions", but has {short(entry)}')
        regions = entry.get('regions')
        found = list(regions.values()) if isinstance(regions, dict) else regions
        keys = ('shape_attributes', 'region_attributes')
        if not isinstance(found, list) or not all(
            isinstance(region, dict) and all(isinstance(region.get(key), dict) for key in keys) for region in found
        ):
            raise UserError(
                f'{file}: {short(entry["filename"])} needs "regions", each with {" and ".join(keys)}, but has '
                f'{short(regions)}'
            )
        where = f'{file}: {short(entry["filename"])}, region'
        listed.append((entry['filename'], [(region, f'{where} {n}') for n, region in enumerate(found, 1)]))
    return listed


def _parse_shape(shape: dict[str, Any], where: str) -> dict[str, Any] | str:
    """The box or the polygon of a region, or why it is no object."""
    kind = shape.get('name')
    if kind in _NO_OBJECTS:
        return str(kind)
    if kind == 'rect':
        x, y, width, height = get_numbers([shape.get(key) for key in ('x', 'y', 'width', 'height')], where)
        if width < 0 or height < 0:
            raise UserError(f'{where} has a negative width or height: {width:g}x{height:g}')
        return {'box': (x, y, width, height)}
    if kind == 'circle':
        cx, cy, radius = get_numbers([shape.get(key) for key in ('cx', 'cy', 'r')], where)
        return {'polygon': ellipse(cx, cy, radius, radius)}
    if kind == 'ellipse':
        numbers = [shape.get(key) for key in ('cx', 'cy', 'rx', 'ry')]
        cx, cy, rx, ry, theta = get_numbers([*numbers, shape.get('theta', 0)], where)
        return {'polygon': ellipse(cx, cy, rx, ry, math.degrees(theta))}
    if kind != 'polygon':
        raise UserError(
            f'{where} is of the kind {short(kind)}; known are rect, circle, ellipse and polygon, and '
            f'{" and ".join(_NO_OBJECTS)} are left out'
        )
    xs, ys = (get_numbers(shape.get(key), where) for key in ('all_points_x', 'all_points_y'))
    if len(xs) != len(ys):
        raise UserError(f'{where} has {len(xs)} x-coordinates, but {len(ys)} y-coordinates')
    if len(xs) < 3:
        return 'polygon with fewer than three corners'
    return {'polygon': tuple(value for corner in zip(xs, ys, strict=True) for value in corner)}


def _get_class(value: Any, attribute: str | None, where: str) -> str:
    if attribute is None:
        return ONLY_CLASS
    if isinstance(value, dict):  # a checkbox
        chosen = [name for name, is_set in value.items() if is_set]
        value = chosen[0] if len(chosen) == 1 else value if chosen else ''
    if value in _UNSET:
        raise UserError(f'{where} has no value of {short(attribute)}, which is its class: choose one in VIA')
    return get_name(value, where)
