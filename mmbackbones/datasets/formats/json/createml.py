"""Apple's CreateML for object detection, as Roboflow and others export it: boxes by their centers, in pixels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

from ....errors import UserError
from ....utils.text import short
from ...checks.images import ImageInfo
from ..json_kind import JsonKind
from .drawn_shapes import Content, Shape
from .file import get_list, get_name, get_numbers
from .lists import JsonLists

_KEYS = ('x', 'y', 'width', 'height')


class CreateMl(JsonLists):
    """A list of images per split, each with its boxes."""

    name = 'CreateML'
    kind: ClassVar[JsonKind] = 'CreateML'
    tools = {'CreateML': '', 'Roboflow': 'CreateML'}
    expects = '`{train,valid}/_annotations.createml.json` beside the images, or one such list of any name'
    tree = """
train/
  _annotations.createml.json
  *.jpg
valid/
  _annotations.createml.json
  *.jpg
"""
    signs = {'**/*.json': 'a list of images', '**/*.jpg': 'images'}

    def parse(self, files: Mapping[Path, Any]) -> list[list[Content]]:
        return [_parse_file(data, file) for file, data in files.items()]

    def check(self, contents: Mapping[str, Content], infos: Mapping[str, ImageInfo], source: Path) -> None:
        """Refuse boxes given by their corners, which some tools write: as centers they would be shifted."""
        boxes = [
            (shape.box, infos[name]) for name, content in contents.items() for shape in content.shapes if shape.box
        ]
        outside = [box for box, info in boxes if not _is_inside(box, info)]
        if outside and all(_is_inside((x + w / 2, y + h / 2, w, h), info) for (x, y, w, h), info in boxes):
            raise UserError(
                f'{source}: the coordinates look like corners of boxes, but CreateML has their centers: as such, '
                f'{len(outside)} of {len(boxes)} boxes reach out of their image, and as corners none; choose another '
                'format in the tool that wrote them, such as COCO'
            )


def _parse_file(data: Any, file: Path) -> list[Content]:
    contents = []
    for number, item in enumerate(get_list({'the file': data}, 'the file', file), 1):
        where = f'{file}: image {number}'
        image = item.get('image', item.get('imagefilename'))  # Apple's documentation has both
        if not isinstance(image, str) or not image:
            raise UserError(f'{where} needs the name of a file as "image", but has {short(image)}')
        where = f'{file}: {short(image)}'
        objects = get_list(item, 'annotation' if 'annotation' in item else 'annotations', where)
        shapes = [_parse_object(entry, f'{where}, annotation {count}') for count, entry in enumerate(objects, 1)]
        contents.append(Content(image, (None, None), shapes))
    return contents


def _parse_object(item: dict[str, Any], where: str) -> Shape:
    coordinates = item.get('coordinates')
    if not isinstance(coordinates, dict):
        raise UserError(f'{where} needs "coordinates" with {", ".join(_KEYS)}, but has {short(coordinates)}')
    x, y, width, height = get_numbers([coordinates.get(key) for key in _KEYS], where)
    if width < 0 or height < 0:
        raise UserError(f'{where} has a negative width or height: {width:g}x{height:g}')
    return Shape(get_name(item.get('label'), where), box=(x - width / 2, y - height / 2, width, height))


def _is_inside(box: tuple[float, float, float, float], info: ImageInfo) -> bool:
    x, y, width, height = box
    return min(x, y) >= -1 and x + width <= info.width + 1 and y + height <= info.height + 1
