"""From the objects of images, as most formats hold them, to COCO's lists."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pycocotools import mask as coco_mask

from ..checks.images import ImageInfo
from .base import Annotations

MAX_SAGITTA = 0.1  # pixels between an ellipse and the sides of the polygon that stands for it


@dataclass(frozen=True)
class Object:
    """An object in an image.

    Attributes:
        name: Its class.
        box: x, y, width and height in pixels.
        polygons: Its mask, ``[[x1, y1, x2, y2, x3, y3, ...], ...]`` in pixels; empty if only the box is known.
        crowd: Whether it is one of COCO's crowds or VOC's difficult objects: not trained on, and not counted.
        rle: Its mask as pycocotools encodes it, in place of `polygons`.
    """

    name: str
    box: tuple[float, float, float, float]
    polygons: tuple[tuple[float, ...], ...] = ()
    crowd: bool = False
    rle: dict[str, Any] | None = None


def from_polygons(name: str, polygons: Sequence[tuple[float, ...]], crowd: bool = False) -> Object:
    """An object whose mask consists of one or more polygons, with the box around all of them."""
    return Object(name, box_of_polygon([value for polygon in polygons for value in polygon]), tuple(polygons), crowd)


def from_rle(name: str, rle: dict[str, Any], crowd: bool = False) -> Object:
    """An object whose mask is encoded by pycocotools, with the box around its pixels."""
    left, top, width, height = coco_mask.toBbox(rle).tolist()
    counts = rle['counts']
    text = counts.decode('ascii') if isinstance(counts, bytes) else counts
    return Object(name, (left, top, width, height), crowd=crowd, rle={'size': list(rle['size']), 'counts': text})


def ellipse(cx: float, cy: float, rx: float, ry: float, degrees: float = 0) -> tuple[float, ...]:
    """The polygon that stands for an ellipse or a circle.

    Args:
        cx: x of the center.
        cy: y of the center.
        rx: Half of the width, before the rotation.
        ry: Half of the height, before the rotation.
        degrees: Rotation about the center, clockwise in the image.
    """
    largest = max(abs(rx), abs(ry), MAX_SAGITTA)
    number = math.ceil(math.pi / max(math.acos(1 - MAX_SAGITTA / largest), 0.01))
    number = -(-max(number, 12) // 4) * 4  # with the four corners that touch the box
    angles = (2 * math.pi * index / number for index in range(number))
    return _turned(((rx * math.cos(angle), ry * math.sin(angle)) for angle in angles), cx, cy, degrees)


def rotated_rectangle(x: float, y: float, width: float, height: float, degrees: float) -> tuple[float, ...]:
    """The polygon of a rectangle that is rotated about its center.

    Args:
        x: Left side, before the rotation.
        y: Upper side, before the rotation.
        width: Width, before the rotation.
        height: Height, before the rotation.
        degrees: The rotation, clockwise in the image.
    """
    dx, dy = width / 2, height / 2
    return _turned(((-dx, -dy), (dx, -dy), (dx, dy), (-dx, dy)), x + dx, y + dy, degrees)


def parse_degrees(value: Any) -> float:
    """The rotation of a box as its attributes give it, from 0 to 360 degrees; 0 for whatever is no number."""
    try:
        degrees = 0.0 if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        return 0.0
    return degrees % 360 if math.isfinite(degrees) else 0.0


def describe_rotated(name: str, number: int) -> str:
    """A note on the rotated boxes of a file or folder."""
    return f'{name}: rotated boxes, read as the upright boxes around them: {number}'


def box_of_polygon(polygon: Sequence[float]) -> tuple[float, float, float, float]:
    """x, y, width and height of the box around a polygon ``x1, y1, x2, y2, ...``, rounded as in COCO files."""
    xs, ys = polygon[::2], polygon[1::2]
    left, top, right, bottom = _rounded((min(xs), min(ys), max(xs), max(ys)))
    return left, top, right - left, bottom - top


def to_annotations(
    image_dir: Path,
    files: Sequence[str],
    images: Sequence[ImageInfo],
    objects: Sequence[Iterable[Object]],
    classes: Sequence[str],
    notes: Iterable[str] = (),
) -> Annotations:
    """Write objects in COCO form; coordinates get COCO's own precision, 1/100 pixel.

    Args:
        image_dir: Folder that file names are relative to.
        files: Name of each image.
        images: What was found in each image file.
        objects: The objects in each image.
        classes: Names of the classes, in the order of the labels; ids are counted from 1.
        notes: What the user should know, one line each.
    """
    ids = {name: number for number, name in enumerate(classes, 1)}
    listed: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for number, (file, info, found) in enumerate(zip(files, images, objects, strict=True), 1):
        listed.append({'id': number, 'file_name': file, 'width': info.width, 'height': info.height})
        for item in found:
            annotation: dict[str, Any] = {
                'id': len(annotations) + 1,
                'image_id': number,
                'category_id': ids[item.name],
                'bbox': _rounded(item.box),
                'area': item.box[2] * item.box[3],
                'iscrowd': int(item.crowd),
            }
            if item.polygons:
                annotation['segmentation'] = [_rounded(polygon) for polygon in item.polygons]
                annotation['area'] = sum(map(polygon_area, item.polygons))
            elif item.rle:
                annotation['segmentation'] = item.rle
                annotation['area'] = int(coco_mask.area(item.rle))
            annotations.append(annotation)
    categories = [{'id': number, 'name': name} for name, number in ids.items()]
    data = {'images': listed, 'annotations': annotations, 'categories': categories}
    return Annotations(data, image_dir, images=list(images), notes=tuple(notes))


def polygon_area(polygon: Sequence[float]) -> float:
    """Area of a polygon ``x1, y1, x2, y2, ...`` by the shoelace formula."""
    xs, ys = polygon[::2], polygon[1::2]
    return abs(sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))) / 2


def _turned(corners: Iterable[tuple[float, float]], cx: float, cy: float, degrees: float) -> tuple[float, ...]:
    """The polygon of corners relative to the center, turned about it."""
    sine, cosine = math.sin(math.radians(degrees)), math.cos(math.radians(degrees))
    turned = ((cx + dx * cosine - dy * sine, cy + dx * sine + dy * cosine) for dx, dy in corners)
    return tuple(value for corner in turned for value in corner)


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 2) for value in values]
