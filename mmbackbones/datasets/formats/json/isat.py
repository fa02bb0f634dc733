"""JSON files of ISAT (Image Segmentation Annotation Tool), one per image."""

from pathlib import Path
from typing import Any, ClassVar

from ....errors import UserError
from ....utils.text import short
from ..json_kind import JsonKind
from .drawn_shapes import Content, Shape
from .file import get_list, get_name, get_points, get_size
from .per_image import NO_CLASSES, JsonPerImage


class Isat(JsonPerImage):
    """Polygons in a JSON file of the image's name; those of one category and group are one object."""

    name = 'ISAT'
    kind: ClassVar[JsonKind] = 'ISAT'
    tools = {'ISAT': ''}
    expects = '`*.json` of ISAT beside the images (or in a folder of their own)'
    tree = """
images/*.jpg
labels/*.json
"""
    signs = {'**/*.json': 'a JSON file per image', '**/*.jpg': 'images'}

    @staticmethod
    def parse(data: dict[str, Any], where: Path) -> Content | None:
        info = data.get('info')
        if not isinstance(info, dict) or info.get('description') != 'ISAT':
            return None
        content = Content(str(info.get('name') or ''), get_size(info.get('width'), info.get('height'), where), [])
        for number, item in enumerate(get_list(data, 'objects', where), 1):
            place = f'{where}: object {number}'
            name, points = get_name(item.get('category'), place), get_points(item.get('segmentation'), place)
            crowd, group = item.get('iscrowd') in (True, 1), item.get('group')
            if group is not None and type(group) not in (int, str):
                raise UserError(f'{place} has the group {short(group)}, which is not a number')
            if name in NO_CLASSES:
                content.skipped[name] += 1
            elif len(points) < 3:
                content.skipped['polygon with fewer than three corners'] += 1
            else:
                polygon = tuple(value for point in points for value in point)
                # A group of 0 or none at all means nothing, and crowds are not joined with single objects.
                content.shapes.append(
                    Shape(name, polygon=polygon, crowd=crowd, group=(group, crowd) if group else None)
                )
        return content
