"""The masks of objects ("segmentation") in a COCO file, for models that learn them."""

from pycocotools import mask as coco_mask

from ...errors import UserError
from ...utils.text import short
from .annotations import NUMBER_TYPES
from .file_cache import reason

MAX_COORDINATE = 1e6  # pixels: pycocotools goes along an outline pixel by pixel
MAX_GAP = 1  # pixels between a mask and its box: both are rounded


class MaskError(UserError):
    """What keeps a data set from models that learn masks, and only from those."""


def check_masks(data: dict, name: str) -> None:
    """Check that each annotation of `data` (which has been tidied) has a mask: polygons, or runs of pixels (RLE).

    Raises:
        MaskError: masks are missing (how many), or one is malformed (the first one).
    """
    sizes = {image['id']: [image.get('height'), image.get('width')] for image in data['images']}
    annotations = data['annotations']
    if lacking := [annotation['id'] for annotation in annotations if not annotation.get('segmentation')]:
        having = len(annotations) - len(lacking)
        count = f'only {having} of its {len(annotations)} annotations have' if having else 'no annotation has'
        raise MaskError(
            f'{name}: {count} a mask ("segmentation"; annotation {lacking[0]} has none), which Mask R-CNN '
            'needs for all; RetinaNet trains on boxes alone.'
        )
    for annotation in annotations:
        mask = annotation['segmentation']
        if fault := _fault(mask, sizes[annotation['image_id']]) or _fault_of_place(mask, annotation['bbox']):
            raise MaskError(f'{name}: annotation {annotation["id"]} has a mask that {fault}.')


def _fault(mask: list | dict, size: list) -> str | None:
    if isinstance(mask, dict):
        return _fault_of_runs(mask, size)
    if not isinstance(mask, list) or not all(isinstance(polygon, list) for polygon in mask):
        return f'is neither a list of polygons nor runs of pixels (RLE), but {short(mask)}'
    for polygon in mask:
        if len(polygon) < 6 or len(polygon) % 2:
            return f'has a polygon of {len(polygon)} numbers, where x1, y1, x2, y2, x3, y3 ... are wanted'
        if not NUMBER_TYPES.issuperset(map(type, polygon)) or not all(
            -MAX_COORDINATE < value < MAX_COORDINATE for value in polygon
        ):
            return f'has a polygon that is not made of pixel coordinates: {short(polygon)}'
    return None


def _fault_of_runs(mask: dict, size: list) -> str | None:
    counts, stated = mask.get('counts'), mask.get('size')
    if not counts or not isinstance(counts, list | str) or not isinstance(stated, list) or len(stated) != 2:
        return f'lacks the "counts" and "size" of runs of pixels (RLE): {short(mask)}'
    if stated != size:
        said = 'states no size' if None in size else f'is said to be of {size[1]}x{size[0]}'
        return f'is of {stated[1]}x{stated[0]} pixels, but its image {said}'
    if isinstance(counts, list):
        if set(map(type, counts)) != {int} or min(counts) < 0:
            return f'has runs that are not numbers of pixels: {short(counts)}'
        if sum(counts) != stated[0] * stated[1]:  # pycocotools would leave the rest to chance
            return f'has runs for {sum(counts)} pixels, but its size is {stated[1]}x{stated[0]}'
    try:
        coco_mask.decode(_packed(mask))
    except Exception as error:  # whatever pycocotools objects to, training and evaluation would, too
        return f'cannot be decoded ({reason(error)})'
    return None


def _fault_of_place(mask: list | dict, box: list) -> str | None:
    """A mask has something of itself in its box, unless its coordinates are those of something else."""
    if isinstance(mask, dict):
        left, top, width, height = coco_mask.toBbox(_packed(mask)).tolist()
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


def _packed(runs: dict) -> dict:
    return coco_mask.frPyObjects(runs, *runs['size']) if isinstance(runs['counts'], list) else runs
