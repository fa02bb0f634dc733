"""Validation of the object masks ("segmentation") in COCO annotations, for models that learn masks."""

from typing import Any

from pycocotools import mask as coco_mask

from ...errors import UserError, summarize_error
from ...utils.text import short
from .annotations import NUMBER_TYPES

MAX_COORDINATE = 1e6  # pixels; pycocotools walks along an outline pixel by pixel
MAX_SIDE = 1 << 16  # pixels of an image whose size is not verified; pycocotools multiplies them in 32 bits
MAX_GAP = 1  # pixels between a mask and its box: both are rounded


class MaskError(UserError):
    """A defect that matters only to models that learn masks."""


def check_masks(data: dict[str, Any], name: str, masks_for: str = 'Mask R-CNN') -> None:
    """Check that each annotation has a mask: polygons or run-length encoding (RLE).

    Args:
        data: Content of a COCO file that has passed :func:`~mmbackbones.datasets.checks.repair.normalize_coco`.
        name: How messages call the file.
        masks_for: What needs them, for messages.

    Raises:
        MaskError: Masks are missing (how many), or one is malformed (the first one).
    """
    sizes = {image['id']: [image.get('height'), image.get('width')] for image in data['images']}
    annotations = data['annotations']
    if lacking := [annotation['id'] for annotation in annotations if not annotation.get('segmentation')]:
        having = len(annotations) - len(lacking)
        count = f'only {having} of its {len(annotations)} annotations have' if having else 'no annotation has'
        raise MaskError(
            f'{name}: {count} a mask ("segmentation"; annotation {lacking[0]} has none), but {masks_for} needs one for '
            'each; RetinaNet trains on boxes alone'
        )
    for annotation in annotations:
        mask = annotation['segmentation']
        if defect := _find_defect(mask, sizes[annotation['image_id']]) or _find_misplacement(mask, annotation['bbox']):
            raise MaskError(f'{name}: annotation {annotation["id"]} has a mask that {defect}')


def box_of_mask(mask: Any, size: list[int | None]) -> list[float] | None:
    """x, y, width and height of the box around a mask; None if it is malformed, or run-length encoded at another size.

    Args:
        mask: Polygons or run-length encoding (RLE), as far as a JSON file may hold them.
        size: Height and width of its image.
    """
    if isinstance(mask, list):
        if not mask or _find_defect(mask, size):
            return None
        xs, ys = ([polygon[start::2] for polygon in mask] for start in (0, 1))
        left, top = min(map(min, xs)), min(map(min, ys))
        return [left, top, max(map(max, xs)) - left, max(map(max, ys)) - top]
    rows, columns = size
    if type(rows) is not int or type(columns) is not int or not 0 < min(rows, columns) <= max(rows, columns) < MAX_SIDE:
        return None
    if not isinstance(mask, dict) or _find_defect_of_rle(mask, size, decode=False):
        return None
    try:
        box: list[float] = coco_mask.toBbox(_compress(mask)).tolist()
    except Exception:  # see _find_defect_of_rle
        return None
    x, y, width, height = box
    return box if x + width <= columns and y + height <= rows else None  # what is no RLE reads as one of any size


def _find_defect(mask: Any, size: list[int | None]) -> str | None:
    if isinstance(mask, dict):
        return _find_defect_of_rle(mask, size)
    if not isinstance(mask, list) or not all(isinstance(polygon, list) for polygon in mask):
        return f'is neither a list of polygons nor run-length encoded (RLE), but {short(mask)}'
    for polygon in mask:
        if len(polygon) < 6 or len(polygon) % 2:
            return f'has a polygon of {len(polygon)} numbers, but needs x1, y1, x2, y2, x3, y3 and so on'
        numeric = NUMBER_TYPES.issuperset(map(type, polygon))
        if not numeric or not all(-MAX_COORDINATE < value < MAX_COORDINATE for value in polygon):
            return f'has a polygon that is not made of pixel coordinates: {short(polygon)}'
    return None


def _find_defect_of_rle(mask: dict[str, Any], size: list[int | None], decode: bool = True) -> str | None:
    counts, stated = mask.get('counts'), mask.get('size')
    if not counts or not isinstance(counts, list | str) or not isinstance(stated, list) or len(stated) != 2:
        return f'lacks the "counts" or "size" of a run-length encoding (RLE): {short(mask)}'
    if stated != size:
        image = 'states no size' if None in size else f'is said to be of {size[1]}x{size[0]}'
        return f'is of {stated[1]}x{stated[0]} pixels, but its image {image}'
    if isinstance(counts, list):
        if set(map(type, counts)) != {int} or min(counts) < 0:
            return f'has run lengths that are not numbers of pixels: {short(counts)}'
        if sum(counts) != stated[0] * stated[1]:  # pycocotools would leave the rest undefined
            return f'has run lengths for {sum(counts)} pixels, but its size is {stated[1]}x{stated[0]}'
    if not decode:
        return None
    try:
        coco_mask.decode(_compress(mask))
    except Exception as error:  # whatever pycocotools refuses here, it would refuse in training and evaluation
        return f'cannot be decoded ({summarize_error(error)})'
    return None


def _find_misplacement(mask: list[list[float]] | dict[str, Any], box: list[float]) -> str | None:
    """Some part of a mask is inside its box, unless its coordinates mean something else."""
    if isinstance(mask, dict):
        left, top, width, height = coco_mask.toBbox(_compress(mask)).tolist()
        right, bottom = left + width, top + height
    else:
        xs, ys = ([polygon[start::2] for polygon in mask] for start in (0, 1))
        left, top, right, bottom = min(map(min, xs)), min(map(min, ys)), max(map(max, xs)), max(map(max, ys))
    x, y, w, h = box
    if max(left - x - w, x - right, top - y - h, y - bottom) <= MAX_GAP:
        return None
    return (
        f'lies outside its bbox {short(box)}: it reaches from ({left:g}, {top:g}) to ({right:g}, {bottom:g}), in pixels'
    )


def _compress(rle: dict[str, Any]) -> Any:
    return coco_mask.frPyObjects(rle, *rle['size']) if isinstance(rle['counts'], list) else rle
