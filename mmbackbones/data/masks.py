"""The masks of objects ("segmentation") in a COCO file, for models that learn them."""

import math
from reprlib import repr as short

from pycocotools import mask as coco_mask

from ..errors import UserError
from .check import NUMBERS
from .inspection import reason


class MaskError(UserError):
    """What keeps a data set from models that learn masks, and only from those."""


def check_masks(data: dict, name: str) -> None:
    """Check that each annotation of `data` (which has passed `check`) has a mask: polygons, or runs of pixels (RLE).

    Raises:
        MaskError: masks are missing (how many), or one is malformed (the first one).
    """
    sizes = {image['id']: [image.get('height'), image.get('width')] for image in data['images']}
    annotations = data['annotations']
    if lacking := [annotation['id'] for annotation in annotations if not annotation.get('segmentation')]:
        count = 'none' if len(lacking) == len(annotations) else f'only {len(annotations) - len(lacking)}'
        raise MaskError(f'{name}: {count} of its {len(annotations)} annotations has a mask ("segmentation"; annotation '
                        f'{lacking[0]} has none), which Mask R-CNN needs for all; RetinaNet trains on boxes alone.')
    for annotation in annotations:
        if fault := _fault(annotation['segmentation'], sizes[annotation['image_id']]):
            raise MaskError(f'{name}: annotation {annotation["id"]} has a mask that {fault}.')


def _fault(mask: list | dict, size: list) -> str | None:
    if isinstance(mask, dict):
        return _fault_of_runs(mask, size)
    if not isinstance(mask, list) or not all(isinstance(polygon, list) for polygon in mask):
        return f'is neither a list of polygons nor runs of pixels (RLE), but {short(mask)}'
    for polygon in mask:
        if len(polygon) < 6 or len(polygon) % 2:
            return f'has a polygon of {len(polygon)} numbers, where x1, y1, x2, y2, x3, y3 ... are wanted'
        if not NUMBERS.issuperset(map(type, polygon)) or not math.isfinite(sum(polygon)):
            return f'has a polygon that is not made of finite numbers: {short(polygon)}'
    return None


def _fault_of_runs(mask: dict, size: list) -> str | None:
    counts, stated = mask.get('counts'), mask.get('size')
    if not isinstance(counts, list | str) or not isinstance(stated, list) or len(stated) != 2:
        return f'lacks the "counts" and "size" of runs of pixels (RLE): {short(mask)}'
    if any(here not in (None, there) for here, there in zip(size, stated, strict=True)):
        return f'is of {stated[1]}x{stated[0]} pixels, but its image is of {size[1]}x{size[0]}'
    try:
        coco_mask.decode(coco_mask.frPyObjects(mask, *stated) if isinstance(counts, list) else mask)
    except Exception as error:  # whatever pycocotools objects to, training and evaluation would, too
        return f'cannot be decoded ({reason(error)})'
    if isinstance(counts, list) and sum(counts) != stated[0] * stated[1]:  # it would leave the rest to chance
        return f'has runs for {sum(counts)} pixels, but its size is {stated[1]}x{stated[0]}'
    return None
