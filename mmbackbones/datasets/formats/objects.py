"""From the objects of images, as most formats hold them, to COCO's lists."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..checks.images import ImageInfo
from .base import Annotations


@dataclass(frozen=True)
class Object:
    """An object in an image.

    Attributes:
        name: Its class.
        box: x, y, width and height in pixels.
        polygons: Its mask, ``[[x1, y1, x2, y2, x3, y3, ...], ...]`` in pixels; empty if only the box is known.
        crowd: Whether it is one of COCO's crowds or VOC's difficult objects: not trained on, and not counted.
    """

    name: str
    box: tuple[float, float, float, float]
    polygons: tuple[tuple[float, ...], ...] = ()
    crowd: bool = False


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
            annotations.append(annotation)
    categories = [{'id': number, 'name': name} for name, number in ids.items()]
    data = {'images': listed, 'annotations': annotations, 'categories': categories}
    return Annotations(data, image_dir, images=list(images), notes=tuple(notes))


def polygon_area(polygon: Sequence[float]) -> float:
    """Area of a polygon ``x1, y1, x2, y2, ...`` by the shoelace formula."""
    xs, ys = polygon[::2], polygon[1::2]
    return abs(sum(xs[i - 1] * ys[i] - xs[i] * ys[i - 1] for i in range(len(xs)))) / 2


def _rounded(values: Iterable[float]) -> list[float]:
    return [round(value, 2) for value in values]
