"""The shapes that annotators draw in an image, several of which may be one object."""

import base64
import io
from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from pycocotools import mask as coco_mask

from ....errors import UserError, summarize_error
from ....utils.text import short
from ...checks.images import ImageInfo
from ...checks.masks import MAX_OUTLINE, length_of_outline
from ..objects import Object, from_polygons, from_rle

_GRAY = ('1', 'L', 'P', 'I', 'I;16')  # modes of PIL with one value per pixel


@dataclass(frozen=True)
class Patch:
    """A mask of pixels, as a part of its image.

    Attributes:
        left: Column of the first pixel.
        top: Row of the first pixel.
        width: Width of its box in pixels.
        height: Height of its box in pixels.
        png: A PNG file in base64, in which pixels of the object are not 0.
    """

    left: int
    top: int
    width: int
    height: int
    png: str


@dataclass(frozen=True)
class Shape:
    """A shape: a box, a polygon or a patch.

    Attributes:
        name: Its class.
        box: x, y, width and height, of a shape without a mask.
        polygon: ``x1, y1, x2, y2, ...``
        patch: A mask of pixels.
        crowd: See :class:`~mmbackbones.datasets.formats.objects.Object`.
        group: Shapes of the same class and group are one object; None: of its own.
    """

    name: str
    box: tuple[float, float, float, float] | None = None
    polygon: tuple[float, ...] = ()
    patch: Patch | None = None
    crowd: bool = False
    group: Hashable = None


@dataclass(frozen=True)
class Content:
    """What an annotation file says of its image.

    Attributes:
        image: Name of the image.
        size: Width and height of the image; None where nothing is stated.
        shapes: Its shapes.
        skipped: Number of what is no object, by kind.
        embedded: Whether the file holds the image itself.
    """

    image: str
    size: tuple[int | None, int | None]
    shapes: list[Shape]
    skipped: Counter[str] = field(default_factory=Counter)
    embedded: bool = False


def to_objects(shapes: Sequence[Shape], info: ImageInfo, where: Path) -> list[Object]:
    """Join the shapes of an image to objects.

    Args:
        shapes: The shapes.
        info: The image file.
        where: The annotation file, for messages.

    Raises:
        UserError: A patch is malformed.
    """
    if not info.is_readable:  # and is going to be left out
        return []
    groups: dict[Hashable, list[Shape]] = defaultdict(list)
    for number, shape in enumerate(shapes):
        groups[number if shape.group is None else (shape.name, shape.group)].append(shape)
    return [_join(group, info, where) for group in groups.values()]


def describe_skipped(contents: Iterable[Content], source: str) -> list[str]:
    """A note on what is no object in annotation files; none if there is no such thing.

    Args:
        contents: The content of the files.
        source: How the note calls them.
    """
    skipped = sum((content.skipped for content in contents), Counter[str]())
    kinds = ', '.join(f'{kind}: {number}' for kind, number in sorted(skipped.items()))
    return [f'{source}: shapes that are no objects are left out ({kinds})'] if skipped else []


def _join(shapes: list[Shape], info: ImageInfo, where: Path) -> Object:
    name, crowd = shapes[0].name, any(shape.crowd for shape in shapes)
    if shapes[0].box:
        return Object(name, shapes[0].box, crowd=crowd)
    polygons = [shape.polygon for shape in shapes if shape.polygon]
    if len(polygons) == len(shapes):
        return from_polygons(name, polygons, crowd)
    encoded: list[Any] = [_encode(shape.patch, info, where) for shape in shapes if shape.patch]
    if longest := max(polygons, key=length_of_outline, default=()):
        if length_of_outline(longest) > MAX_OUTLINE:
            raise UserError(
                f'{where}: the outline of a polygon of {short(name)} is longer than {MAX_OUTLINE:,.0f} pixels: '
                f'{short(list(longest))}'
            )
        encoded += coco_mask.frPyObjects([list(polygon) for polygon in polygons], info.height, info.width)
    return from_rle(name, coco_mask.merge(encoded), crowd)


def _encode(patch: Patch, info: ImageInfo, where: Path) -> Any:
    """A patch as pycocotools encodes a mask of the whole image; what lies outside of the image is cut off."""
    try:
        with Image.open(io.BytesIO(base64.b64decode(patch.png, validate=True)), formats=['PNG']) as image:
            if image.mode not in _GRAY:
                raise ValueError(f'it has colors ({image.mode}), but should be a mask of 0 and 1')
            size = image.size
            if max(abs(size[0] - patch.width), abs(size[1] - patch.height)) > 1:
                raise ValueError(f'it is {size[0]}x{size[1]}, but its box {patch.width}x{patch.height}')
            if size[0] > info.width + 1 or size[1] > info.height + 1:
                raise ValueError(f'it is {size[0]}x{size[1]}, but its image {info.width}x{info.height}')
            pixels = np.array(image) != 0
    except Exception as error:  # a decoder may raise anything
        raise UserError(
            f'{where}: the mask at ({patch.left}, {patch.top}) cannot be read ({summarize_error(error)})'
        ) from error
    whole = np.zeros((info.height, info.width), np.uint8, order='F')
    left, top = max(patch.left, 0), max(patch.top, 0)
    inside = pixels[top - patch.top :, left - patch.left :][: max(info.height - top, 0), : max(info.width - left, 0)]
    whole[top : top + inside.shape[0], left : left + inside.shape[1]] = inside
    return coco_mask.encode(whole)
