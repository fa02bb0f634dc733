"""Predictions as annotations of the COCO format, the same from a test and from ``predict``."""

from collections.abc import Sequence
from math import isfinite
from typing import Any, Protocol

import numpy as np
from pycocotools import mask as coco_mask

from .run_lengths import rles_of_labels

Array = np.ndarray[Any, Any]


class Found(Protocol):
    """What was found in an image, see :class:`mmbackbones.prediction.prediction.Prediction`."""

    @property
    def boxes(self) -> Array: ...
    @property
    def scores(self) -> Array: ...
    @property
    def labels(self) -> Array: ...
    @property
    def masks(self) -> Array | None: ...
    @property
    def segmentation(self) -> Array | None: ...
    @property
    def category_ids(self) -> tuple[int, ...]: ...


def coco_categories(classes: Sequence[str], category_ids: Sequence[int]) -> list[dict[str, Any]]:
    """The ``categories`` of a file.

    Args:
        classes: Names of the classes.
        category_ids: The number of each class in the data.
    """
    return [dict(id=number, name=name) for name, number in zip(classes, category_ids, strict=True)]


def coco_annotations(found: Found, image_id: int | None = None) -> list[dict[str, Any]]:
    """What was found in an image: of a detector each object, of a segmentor all pixels of each class as one.

    Args:
        found: Boxes, or label maps.
        image_id: Number of the image; None: annotations have none.
    """
    if found.segmentation is not None:
        return [
            mask_annotation(image_id, found.category_ids[label], rle)
            for label, rle in rles_of_labels(found.segmentation).items()
        ]
    annotations = []
    for i, label in enumerate(found.labels.tolist()):
        rle = None if found.masks is None else encode(found.masks[i])
        category = found.category_ids[label]
        annotations.append(object_annotation(image_id, category, found.boxes[i], float(found.scores[i]), rle))
    return list(filter(None, annotations))


def object_annotation(
    image_id: int | None, category_id: int, box: Array, score: float, rle: dict[str, Any] | None = None
) -> dict[str, Any] | None:
    """An object.

    Args:
        image_id: Number of its image; None: the annotation has none.
        category_id: The number of its class in the data.
        box: Left, top, right and bottom in pixels.
        score: Score, from 0 to 1.
        rle: Its mask as pycocotools encodes it; None: it has none.

    Returns:
        None: The box or the score is no number, which JSON cannot hold, as those of a broken model are.
    """
    x, y, width, height = xywh(box)
    if not all(map(isfinite, (x, y, width, height, score))):
        return None
    annotation = _annotation(image_id, category_id, (x, y, width, height), width * height, score=score)
    if rle is not None:
        annotation.update(segmentation=rle_text(rle), area=int(coco_mask.area(rle)))
    return annotation


def xywh(box: Array) -> tuple[float, float, float, float]:
    """Left, top, width and height of a box, in double precision, so that no digit of its right and bottom is lost.

    Args:
        box: Left, top, right and bottom.
    """
    left, top, right, bottom = box.tolist()
    return left, top, right - left, bottom - top


def encode(mask: Array) -> dict[str, Any]:
    """The run-length encoding (RLE) of a mask.

    Args:
        mask: Of shape ``(H, W)``.
    """
    rle: dict[str, Any] = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return rle


def rle_text(rle: dict[str, Any]) -> dict[str, Any]:
    """A run-length encoding as JSON can hold it."""
    counts = rle['counts']
    return dict(
        size=[int(side) for side in rle['size']], counts=counts.decode() if isinstance(counts, bytes) else counts
    )


def mask_annotation(image_id: int | None, category_id: int, rle: dict[str, Any]) -> dict[str, Any]:
    """All pixels of a class.

    Args:
        image_id: Number of their image; None: the annotation has none.
        category_id: The number of the class in the data.
        rle: The pixels as pycocotools encodes them.
    """
    annotation = _annotation(image_id, category_id, coco_mask.toBbox(rle).tolist(), int(coco_mask.area(rle)))
    return annotation | dict(segmentation=rle_text(rle))


def _annotation(
    image_id: int | None, category_id: int, bbox: Sequence[float], area: float, **more: Any
) -> dict[str, Any]:
    image = {} if image_id is None else dict(image_id=image_id)
    return dict(**image, category_id=category_id, bbox=list(bbox), area=area, iscrowd=0, **more)
