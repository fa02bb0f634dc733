"""Safe repairs of COCO annotations, counted by kind."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...errors import UserError
from ...utils.garbage import paused_collector
from ...utils.paths import normalize_separators
from .annotations import NUMBER_TYPES
from .findings import current_findings
from .image_sizes import describe_size_mismatch, parse_side
from .images import ImageInfo
from .masks import box_of_mask

# Boxes are rounded, and even COCO's own overshoot a little: less than half a pixel does no harm.
MAX_OVERSHOOT = 0.5  # pixels
# Kind of repair -> its description for one, for several.
DESCRIPTIONS = {
    'slash': ('file name with backslashes read as folders', 'file names with backslashes read as folders'),
    'unreadable': ('image that cannot be read left out', 'images that cannot be read left out'),
    'size': ('image size filled in', 'image sizes filled in'),
    'box': ('box taken from its mask', 'boxes taken from their masks'),
    'clipped': ('box clipped to its image', 'boxes clipped to their image'),
    'dropped': ('box without area dropped', 'boxes without area dropped'),
    'polygon': (
        'part of a mask with fewer than three corners dropped',
        'parts of masks with fewer than three corners dropped',
    ),
    'area': ('area filled in', 'areas filled in'),
    'wrong area': ('area that does not fit its box corrected', 'areas that do not fit their boxes corrected'),
    'iscrowd': ('iscrowd filled in', 'iscrowd filled in'),
    'ignore': ('box marked "ignore" treated as a crowd', 'boxes marked "ignore" treated as crowds'),
    'id': ('annotation renumbered from 1', 'annotations renumbered from 1'),
    'classes': ('class that it does not list added', 'classes that it does not list added'),
    'unknown': ('class that it lists without a box left out', 'classes that it lists without a box left out'),
}
# What CocoDataset does by itself in training, so that the 450 MB of COCO need not be copied for it.
DONE_BY_COCO_DATASET = ('dropped', 'polygon', 'ignore')


def fill_boxes(data: dict[str, Any]) -> Counter[str]:
    """Give each annotation that has a mask and no box that of its mask.

    Args:
        data: Content of a COCO file, of which nothing has been checked but that it has COCO's lists; changed in place.

    Returns:
        Number of repairs of each kind.
    """
    lacking = [item for item in data['annotations'] if not item.get('bbox') and item.get('segmentation')]
    if not lacking:
        return Counter()
    sizes = {}
    for image in data['images']:
        if type(image.get('id')) is int:
            sizes[image['id']] = [image.get('height'), image.get('width')]
    repairs: Counter[str] = Counter()
    for item in lacking:
        number = item.get('image_id')
        size = sizes.get(number, [None, None]) if type(number) is int else [None, None]
        if box := box_of_mask(item['segmentation'], size):
            item['bbox'] = box
            repairs['box'] += 1
    return repairs


def normalize_coco(data: dict[str, Any], image_dir: Path, name: str, masks: bool) -> Counter[str]:
    """Repair what can be repaired without the images.

    Backslashes in file names become slashes, widths and heights become integers, or None where they are not stated,
    and boxes that cannot have an area are dropped.

    Args:
        data: Content of a COCO file that has passed
            :func:`~mmbackbones.datasets.checks.annotations.check_annotations`; changed in place.
        image_dir: Folder that file names are relative to.
        name: How messages call the file.
        masks: Whether to drop polygons that cannot be drawn, too.

    Returns:
        Number of repairs of each kind.

    Raises:
        UserError: A width or height is not a number of pixels.
    """
    repairs: Counter[str] = Counter()
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
                'which is not a number of pixels'
            ) from error
        known = None not in (image['width'], image['height'])  # otherwise fill_image_sizes counts it
        if known and any(type(side) is not int for side in given):
            repairs['size'] += 1
    _drop_empty_boxes(data, image_dir, repairs)
    if masks:
        _drop_empty_polygons(data, repairs)
    return repairs


def fill_image_sizes(data: dict[str, Any], images: Sequence[ImageInfo], name: str) -> Counter[str]:
    """Give each image that states no size that of its file.

    Args:
        data: Content of a COCO file, normalized; changed in place.
        images: The image files, in the order of `data`.
        name: How messages call the file.

    Returns:
        Number of repairs of each kind.

    Raises:
        UserError: An image states another size than that of its file, so that its boxes would be misplaced.
    """
    repairs: Counter[str] = Counter()
    for image, info in zip(data['images'], images, strict=True):
        given = image['width'], image['height']
        if mismatch := describe_size_mismatch(given, info):
            raise UserError(f'{name}: image {image["id"]} ({image["file_name"]}) {mismatch}')
        if None in given:
            image['width'], image['height'] = info.size
            repairs['size'] += 1
    return repairs


@paused_collector()
def repair_annotations(data: dict[str, Any], image_dir: Path) -> Counter[str]:
    """Clip boxes to their images, drop those without area, and fill in areas, ``iscrowd`` and ids.

    Args:
        data: Content of a COCO file, normalized, with the sizes of all images; changed in place.
        image_dir: Folder that file names are relative to.

    Returns:
        Number of repairs of each kind.
    """
    repairs: Counter[str] = Counter()
    _drop_empty_boxes(data, image_dir, repairs)
    sizes = {image['id']: (image['width'], image['height']) for image in data['images']}
    if findings := current_findings():
        beyond = (item for item in data['annotations'] if _reaches_beyond(item['bbox'], *sizes[item['image_id']]))
        findings.add_boxes(beyond, data, image_dir, 'clipped')
    for annotation in data['annotations']:
        _clip(annotation, *sizes[annotation['image_id']], repairs)
        _repair_area(annotation, repairs)
        _repair_flags(annotation, repairs)
    if any(annotation['id'] == 0 for annotation in data['annotations']):
        # pycocotools marks a detection with the id of the box that it matches, and reads 0 as "no match".
        for number, annotation in enumerate(data['annotations'], 1):
            annotation['id'] = number
        repairs['id'] = len(data['annotations'])
    return repairs


def set_categories(data: dict[str, Any], classes: Sequence[str]) -> Counter[str]:
    """Make the categories those of a class list, in its order, by which CocoDataset numbers the labels.

    Args:
        data: Content of a COCO file, in which no class but `classes` has boxes; changed in place.
        classes: Names of the classes.

    Returns:
        Number of repairs of each kind.
    """
    present = {category['name']: category for category in data['categories']}
    unused = max(category['id'] for category in data['categories']) + 1
    missing = [name for name in classes if name not in present]
    added = {name: {'id': unused + number, 'name': name} for number, name in enumerate(missing)}
    kept = len(classes) - len(missing)
    data['categories'] = [present.get(name) or added[name] for name in classes]
    return Counter({'classes': len(missing), 'unknown': len(present) - kept})


def describe_repairs(repairs: Counter[str]) -> str:
    """The repairs that were made, as the end of a note."""
    return ', '.join(f'{count} {DESCRIPTIONS[kind][count > 1]}' for kind in DESCRIPTIONS if (count := repairs[kind]))


def _drop_empty_boxes(data: dict[str, Any], image_dir: Path, repairs: Counter[str]) -> None:
    sizes = {image['id']: (image['width'], image['height']) for image in data['images']}
    empty = [item for item in data['annotations'] if _is_empty(item['bbox'], *sizes[item['image_id']])]
    if not empty:
        return
    if findings := current_findings():
        findings.add_boxes(empty, data, image_dir, 'dropped')
    repairs['dropped'] += len(empty)
    data['annotations'] = [
        item for item in data['annotations'] if not _is_empty(item['bbox'], *sizes[item['image_id']])
    ]


def _is_empty(box: list[float], width: int | None, height: int | None) -> bool:
    """Whether a box has no area inside its image, as far as the size of the image is known."""
    x, y, w, h = box
    return (
        w == 0
        or h == 0
        or x + w <= 0
        or y + h <= 0
        or (width is not None and x >= width)
        or (height is not None and y >= height)
    )


def _drop_empty_polygons(data: dict[str, Any], repairs: Counter[str]) -> None:
    """Drop polygons of fewer than three corners, unless a mask has no others."""
    for annotation in data['annotations']:
        polygons = annotation.get('segmentation')
        if isinstance(polygons, list) and all(isinstance(polygon, list) for polygon in polygons):
            drawable = [polygon for polygon in polygons if len(polygon) not in (0, 2, 4)]
            if drawable and len(drawable) < len(polygons):
                repairs['polygon'] += len(polygons) - len(drawable)
                annotation['segmentation'] = drawable


def _clip(annotation: dict[str, Any], width: int, height: int, repairs: Counter[str]) -> None:
    if not _reaches_beyond(annotation['bbox'], width, height):
        return
    x, y, w, h = annotation['bbox']
    left, top = max(x, 0), max(y, 0)
    w, h = min(x + w, width) - left, min(y + h, height) - top
    annotation['bbox'] = [left, top, w, h]
    if not annotation.get('segmentation'):  # otherwise the area is that of the mask
        annotation['area'] = w * h
    repairs['clipped'] += 1


def _reaches_beyond(box: list[float], width: int, height: int) -> bool:
    x, y, w, h = box
    return max(-x, -y, x + w - width, y + h - height) > MAX_OVERSHOOT


def _repair_area(annotation: dict[str, Any], repairs: Counter[str]) -> None:
    _, _, w, h = annotation['bbox']
    area: Any = annotation.get('area')
    # CocoDataset silently leaves out what has no area; boxes of less than a pixel it leaves out anyway.
    if type(area) not in NUMBER_TYPES or (not area > 0 and w >= 1 and h >= 1):
        kind = 'area'
    # The area decides whether pycocotools counts an object as small, medium or large.
    elif area > (w + 2) * (h + 2) or (area < w * h / 100 and not annotation.get('segmentation')):
        kind = 'wrong area'
    else:
        return
    annotation['area'] = w * h
    repairs[kind] += 1


def _repair_flags(annotation: dict[str, Any], repairs: Counter[str]) -> None:
    if annotation.get('iscrowd') is None:
        annotation['iscrowd'] = 0
        repairs['iscrowd'] += 1
    if annotation.pop('ignore', None) and not annotation['iscrowd']:
        # CocoDataset leaves it out, but pycocotools counts it all the same.
        annotation['iscrowd'] = 1
        repairs['ignore'] += 1
