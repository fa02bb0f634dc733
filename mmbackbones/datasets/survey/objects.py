"""The objects of a split, in columns: 860,000 of them take little memory."""

import json
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from pycocotools import mask as coco_mask

from ...utils.garbage import paused_collector
from ..checks.counts import is_trained_on
from ..detection_data import DetectionSplit

Boxes = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Objects:
    """All objects of a split and the images that they are in.

    Attributes:
        paths: Path of each image.
        sizes: Width and height of each image in pixels, of shape ``(I, 2)``.
        image: Index of the image of each object, rising, of shape ``(N,)``.
        label: Index of the class of each object.
        boxes: Left, top, right and bottom in pixels, of shape ``(N, 4)``.
        used: Whether each object is trained on; crowds and boxes of less than a pixel are not.
        masks: Index of an image -> the masks of its objects as run-length encodings, of images that were asked for and
            have a mask for each object.
    """

    paths: tuple[str, ...]
    sizes: npt.NDArray[np.int64]
    image: npt.NDArray[np.int64]
    label: npt.NDArray[np.int64]
    boxes: Boxes
    used: npt.NDArray[np.bool_]
    masks: dict[int, list[Any]]

    def of_image(self, index: int) -> slice:
        """Where the objects of an image are."""
        start, end = np.searchsorted(self.image, [index, index + 1])
        return slice(int(start), int(end))

    @property
    def areas(self) -> npt.NDArray[np.float64]:
        """Area of each box in pixels."""
        sides = self.boxes[:, 2:] - self.boxes[:, :2]
        return np.asarray(sides.prod(axis=1))

    @property
    def per_image(self) -> npt.NDArray[np.int64]:
        """Number of used objects in each image."""
        return np.bincount(self.image[self.used], minlength=len(self.paths))


@paused_collector()
def read_objects(split: DetectionSplit, with_masks: Callable[[Objects], Collection[int]] = lambda found: ()) -> Objects:
    """Read the objects of a split that has been checked.

    Args:
        split: The split.
        with_masks: Given the objects, the images whose masks to keep.
    """
    data = json.loads(split.ann_file.read_bytes())
    places = {image['id']: number for number, image in enumerate(data['images'])}
    labels = {category['id']: number for number, category in enumerate(data['categories'])}
    annotations = sorted(data['annotations'], key=lambda item: places[item['image_id']])
    corners = np.array([item['bbox'] for item in annotations], np.float64).reshape(-1, 4)
    corners[:, 2:] += corners[:, :2]
    found = Objects(
        paths=tuple(str(split.image_dir / image['file_name']) for image in data['images']),
        sizes=np.array([(image['width'], image['height']) for image in data['images']], np.int64).reshape(-1, 2),
        image=np.array([places[item['image_id']] for item in annotations], np.int64),
        label=np.array([labels[item['category_id']] for item in annotations], np.int64),
        boxes=corners,
        # A file that is used in place may lack what CocoDataset fills in.
        used=np.array([is_trained_on({'iscrowd': 0, **item}) and not item.get('ignore') for item in annotations], bool),
        masks={},
    )
    for number in with_masks(found):
        masks = [item.get('segmentation') for item in annotations[found.of_image(number)]]
        if masks and all(masks):
            width, height = found.sizes[number].tolist()
            found.masks[number] = [_encode(mask, width, height) for mask in masks]
    return found


def _encode(mask: Any, width: int, height: int) -> Any:
    """A mask of a COCO file as a compressed run-length encoding."""
    if isinstance(mask, dict):
        return coco_mask.frPyObjects(mask, height, width) if isinstance(mask['counts'], list) else mask
    return coco_mask.merge(coco_mask.frPyObjects([polygon for polygon in mask if len(polygon) > 4], height, width))
