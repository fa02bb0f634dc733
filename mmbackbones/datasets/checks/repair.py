"""What in a COCO file can be put right without guessing; every kind is counted."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from ...errors import UserError
from ...utils.paths import normalize_separators
from .annotations import NUMBER_TYPES
from .image_sizes import describe_size_mismatch, parse_side
from .images import ImageInfo

# Boxes are rounded, and even COCO's own overshoot a little: below half a pixel there is no harm.
MAX_OVERSHOOT = 0.5  # pixels
# kind of repair -> what is said of one, of several
DESCRIPTIONS = {
    'slash': ('file name with backslashes read as of folders', 'file names with backslashes read as of folders'),
    'size': ('image size filled in', 'image sizes filled in'),
    'clipped': ('box clipped to its image', 'boxes clipped to their image'),
    'dropped': ('box without area dropped', 'boxes without area dropped'),
    'polygon': (
        'part of a mask with fewer than three corners dropped',
        'parts of masks with fewer than three corners dropped',
    ),
    'area': ('area filled in', 'areas filled in'),
    'wrong area': ('area that does not fit its box put right', 'areas that do not fit their boxes put right'),
    'iscrowd': ('iscrowd filled in', 'iscrowd filled in'),
    'ignore': ('box marked "ignore" taken for a crowd', 'boxes marked "ignore" taken for crowds'),
    'id': ('annotation renumbered from 1', 'annotations renumbered from 1'),
    'classes': ('class that it does not list added', 'classes that it does not list added'),
    'unknown': ('class that it lists without a box left out', 'classes that it lists without a box left out'),
}
# What CocoDataset does to a file for training by itself: no reason to copy COCO's 450 MB.
DONE_BY_COCO_DATASET = ('dropped', 'polygon', 'ignore')


def normalize_coco(data: dict, image_dir: Path, name: str, masks: bool) -> Counter:
    """Put right what needs no look at the images; the kinds of repair, counted.

    `data`, called `name` in messages, is changed in place; it has passed `check`. Widths and heights become integers,
    or None where they are not said; boxes that can be seen to have no area are dropped, and, if `masks` matter, parts
    of masks that cannot be drawn.

    Raises:
        UserError: a width or height is no number of pixels.
    """
    repairs = Counter()
    for image in data['images']:
        if (file := normalize_separators(image_dir, image['file_name'])) != image['file_name']:
            image['file_name'] = file
            repairs['slash'] += 1
        given = image.get('width'), image.get('height')
        try:
            image['width'], image['height'] = map(parse_side, given)
        except ValueError as error:
            raise UserError(
                f'{name}: image {image["id"]} ({image["file_name"]}) has the width or height {error}, '
                'which is not a number of pixels.'
            ) from error
        if any(side and type(side) is not int for side in given):
            repairs['size'] += 1
    _drop_empty(data, repairs)
    if masks:
        for annotation in data['annotations']:
            polygons = annotation.get('segmentation')
            if isinstance(polygons, list) and all(isinstance(polygon, list) for polygon in polygons):
                sound = [polygon for polygon in polygons if len(polygon) not in (0, 2, 4)]
                if sound and len(sound) < len(polygons):
                    repairs['polygon'] += len(polygons) - len(sound)
                    annotation['segmentation'] = sound
    return repairs


def fill_image_sizes(data: dict, images: Sequence[ImageInfo], name: str) -> Counter:
    """Give each image of `data` (tidied) the size of its file where it has none; the kinds of repair, counted.

    Raises:
        UserError: an image has another size than its file: its boxes would be anywhere.
    """
    repairs = Counter()
    for image, info in zip(data['images'], images, strict=True):
        given = image['width'], image['height']
        if fault := describe_size_mismatch(given, info):
            raise UserError(f'{name}: image {image["id"]} ({image["file_name"]}) {fault}.')
        if None in given:
            image['width'], image['height'] = info.size
            repairs['size'] += 1
    return repairs


def repair_annotations(data: dict) -> Counter:
    """Clip boxes to their images, drop those without area, fill in area and iscrowd; the kinds of repair, counted.

    `data` is changed in place; its images have sizes.
    """
    repairs = Counter()
    _drop_empty(data, repairs)
    sizes = {image['id']: (image['width'], image['height']) for image in data['images']}
    for annotation in data['annotations']:
        x, y, w, h = annotation['bbox']
        width, height = sizes[annotation['image_id']]
        if max(-x, -y, x + w - width, y + h - height) > MAX_OVERSHOOT:
            left, top = max(x, 0), max(y, 0)
            w, h = min(x + w, width) - left, min(y + h, height) - top
            annotation['bbox'] = [left, top, w, h]
            if not annotation.get('segmentation'):  # else area is the mask's
                annotation['area'] = w * h
            repairs['clipped'] += 1
        if kind := _fault_of_area(annotation, w, h):
            annotation['area'] = w * h
            repairs[kind] += 1
        if annotation.get('iscrowd') is None:
            annotation['iscrowd'] = 0
            repairs['iscrowd'] += 1
        if annotation.pop('ignore', None) and not annotation['iscrowd']:
            # CocoDataset leaves it out, pycocotools counts it all the same.
            annotation['iscrowd'] = 1
            repairs['ignore'] += 1
    if any(annotation['id'] == 0 for annotation in data['annotations']):
        # pycocotools marks a detection by the id of the box that it found, and reads 0 as "found none".
        for number, annotation in enumerate(data['annotations'], 1):
            annotation['id'] = number
        repairs['id'] = len(data['annotations'])
    return repairs


def set_categories(data: dict, classes: Sequence[str]) -> Counter:
    """Make the categories of `data` the `classes`, in this order; the kinds of repair, counted.

    CocoDataset gives labels by the order in the file, of those that are in the file. No category has boxes but those
    of `classes`.
    """
    there = {category['name']: category for category in data['categories']}
    unused = max(category['id'] for category in data['categories']) + 1
    missing = [name for name in classes if name not in there]
    added = {name: {'id': unused + number, 'name': name} for number, name in enumerate(missing)}
    kept = len(classes) - len(missing)
    data['categories'] = [there.get(name) or added[name] for name in classes]
    return Counter({'classes': len(missing), 'unknown': len(there) - kept})


def describe_repairs(repairs: Counter) -> str:
    return ', '.join(f'{count} {DESCRIPTIONS[kind][count > 1]}' for kind in DESCRIPTIONS if (count := repairs[kind]))


def _drop_empty(data: dict, repairs: Counter) -> None:
    sizes = {image['id']: (image['width'], image['height']) for image in data['images']}
    kept = [item for item in data['annotations'] if not _is_empty(item['bbox'], *sizes[item['image_id']])]
    if len(kept) < len(data['annotations']):
        repairs['dropped'] += len(data['annotations']) - len(kept)
        data['annotations'] = kept


def _is_empty(box: list, width: int | None, height: int | None) -> bool:
    x, y, w, h = box
    return (
        w == 0
        or h == 0
        or x + w <= 0
        or y + h <= 0
        or (width is not None and x >= width)
        or (height is not None and y >= height)
    )


def _fault_of_area(annotation: dict, w: float, h: float) -> str | None:
    area = annotation.get('area')
    # CocoDataset leaves out what has no area, in silence; boxes of less than a pixel it leaves out anyway.
    if type(area) not in NUMBER_TYPES or (not area > 0 and w >= 1 and h >= 1):
        return 'area'
    # The area decides whether pycocotools counts an object as small, medium, or large.
    if area > (w + 2) * (h + 2) or (area < w * h / 100 and not annotation.get('segmentation')):
        return 'wrong area'
    return None
