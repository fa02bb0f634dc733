"""Objects of many images as columns of numbers: half a million of them take a few dozen megabytes."""

from array import array
from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import nan
from typing import Any, Protocol

import numpy as np
from pycocotools import mask as coco_mask

from ...datasets.checks.masks import box_of_mask

Array = np.ndarray[Any, Any]


class Sized(Protocol):
    """An image."""

    @property
    def id(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def height(self) -> int: ...


@dataclass(frozen=True)
class Objects:
    """Objects, those of an image beside each other and in the order of the file.

    Attributes:
        ids: (n,) ``id`` of the annotation.
        labels: (n,) index of the class.
        boxes: (n, 4) x, y, width and height in pixels.
        scores: (n,) score; 1 in the ground truth.
        crowds: (n,) whether it is a crowd, which neither has to be found nor counts if it is.
        masks: Of each object the run-length code of its mask as pycocotools reads it; None of boxes.
        starts: (images + 1,) where the objects of each image begin, and where the last one's end.
    """

    ids: Array
    labels: Array
    boxes: Array
    scores: Array
    crowds: Array
    masks: Sequence[dict[str, Any]] | None
    starts: Array

    def __len__(self) -> int:
        return len(self.ids)

    def of_image(self, index: int) -> 'Objects':
        """The objects of an image.

        Args:
            index: The place of the image among all images.
        """
        part = slice(int(self.starts[index]), int(self.starts[index + 1]))
        return replace(
            self,
            ids=self.ids[part],
            labels=self.labels[part],
            boxes=self.boxes[part],
            scores=self.scores[part],
            crowds=self.crowds[part],
            masks=None if self.masks is None else self.masks[part],
            starts=np.array([0, part.stop - part.start]),
        )

    @property
    def images(self) -> Array:
        """(n,) the place of each object's image among all images."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))


class Places:
    """What the numbers in a file stand for.

    Args:
        images: All images.
        category_ids: The number of each class.
        masks: Whether objects must have masks.

    Raises:
        ValueError: Two images have the same number, or two classes.
    """

    def __init__(self, images: Sequence[Sized], category_ids: Sequence[int], masks: bool) -> None:
        self.images = images
        self.of_images = {image.id: place for place, image in enumerate(images)}
        self.of_classes = {number: label for label, number in enumerate(category_ids)}
        self.masks = masks
        if len(self.of_images) < len(images) or len(self.of_classes) < len(category_ids):
            raise ValueError('two images or two categories have the same id')


class Columns:
    """The annotations of a COCO file, taken one by one while it is read."""

    def __init__(self) -> None:
        self._ids, self._images, self._categories = array('q'), array('q'), array('q')
        self._boxes, self._scores, self._crowds = array('d'), array('d'), array('b')
        self._masks: list[Any] = []
        self._sizes: dict[tuple[int, ...], tuple[int, ...]] = {}

    def take(self, item: dict[str, Any]) -> dict[str, Any] | None:
        """Keep an annotation in little space, and leave everything else of the file as it is.

        Raises:
            ValueError, TypeError, KeyError, OverflowError: Something in it is not as it has to be.
        """
        if 'image_id' not in item:
            return item
        self._ids.append(item['id'])
        self._images.append(item['image_id'])
        self._categories.append(item['category_id'])
        x, y, width, height = item['bbox']
        self._boxes.extend((x, y, width, height))
        self._scores.append(item.get('score', nan))
        self._crowds.append(bool(item.get('iscrowd')))
        self._masks.append(self._packed(item.get('segmentation')))
        return None

    def objects(self, places: Places, scored: bool) -> Objects:
        """All annotations as columns.

        Args:
            places: What their numbers stand for.
            scored: Whether they must have scores.

        Raises:
            ValueError: One is of no known image or class, or has no number, score or mask where it has to.
        """
        images = _looked_up(self._images, places.of_images, 'image_id')
        labels = _looked_up(self._categories, places.of_classes, 'category_id')
        boxes = np.array(self._boxes, float).reshape(-1, 4)
        scores = np.array(self._scores, float)
        if not np.isfinite(boxes).all():
            raise ValueError('a bbox is not made of numbers')
        if scored and not np.isfinite(scores).all():
            raise ValueError('an annotation has no score')
        order = np.argsort(images, kind='stable')
        starts = np.searchsorted(images[order], np.arange(len(places.images) + 1))
        masks = None
        if places.masks:
            masks = [_rle(self._masks[i], places.images[images[i]]) for i in order.tolist()]
        return Objects(
            ids=np.array(self._ids, np.int64)[order],
            labels=labels[order],
            boxes=boxes[order],
            scores=scores[order] if scored else np.ones(len(order)),
            crowds=np.array(self._crowds, bool)[order],
            masks=masks,
            starts=starts,
        )

    def _packed(self, mask: Any) -> Any:
        """A run-length code as a pair of its text and its size, of which there is one in memory for many masks."""
        if isinstance(mask, dict) and isinstance(mask['counts'], str):
            size = tuple(mask['size'])
            return mask['counts'].encode('ascii'), self._sizes.setdefault(size, size)
        return mask


def _rle(mask: Any, image: Sized) -> dict[str, Any]:
    """The run-length code of a mask as it is in the file, but for what :meth:`Columns._packed` has packed."""
    if isinstance(mask, tuple):
        counts, size = mask
        mask = dict(size=list(size), counts=counts.decode('ascii'))
    height, width = image.height, image.width
    if box_of_mask(mask, [height, width]) is None:
        raise ValueError(f'an object in image {image.id} has no mask of its {width} x {height} pixels')
    if isinstance(mask, list):
        rle: dict[str, Any] = coco_mask.merge(coco_mask.frPyObjects(mask, height, width))
        return rle
    if isinstance(mask['counts'], list):
        return dict(coco_mask.frPyObjects(mask, height, width))
    return dict(mask, counts=mask['counts'].encode('ascii'))


def _looked_up(numbers: Sequence[int], places: dict[int, int], name: str) -> Array:
    try:
        return np.array([places[number] for number in numbers], np.int64)
    except KeyError as error:
        raise ValueError(f'an annotation has the {name} {error}, which nothing has') from error
