"""What in a COCO file can be put right without guessing; every kind is counted."""

from collections import Counter

from ..errors import UserError

# Boxes are rounded, and even COCO's own overshoot a little: below half a pixel there is no harm.
TOLERANCE = 0.5  # pixels
# kind of repair -> what is said of one, of several
WORDS = {
    'size': ('image size filled in', 'image sizes filled in'),
    'clipped': ('box clipped to its image', 'boxes clipped to their image'),
    'dropped': ('box without area dropped', 'boxes without area dropped'),
    'area': ('area filled in', 'areas filled in'),
    'iscrowd': ('iscrowd filled in', 'iscrowd filled in'),
    'id': ('annotation renumbered from 1', 'annotations renumbered from 1'),
}


def settle_sizes(data: dict, sizes: list[tuple[int, int]], name: str) -> Counter:
    """Give each image of `data` the width and height of its file where it has none; the kinds of repair, counted.

    Raises:
        UserError: an image has another size than its file: its boxes would be anywhere.
    """
    repairs = Counter()
    for image, (width, height) in zip(data['images'], sizes, strict=True):
        given = image.get('width'), image.get('height')
        if given[0] not in (None, width) or given[1] not in (None, height):
            raise UserError(
                f'{name}: image {image["id"]} ({image["file_name"]}) is said to be {given[0]}x{given[1]} pixels, but '
                f'its file, turned by its EXIF orientation as in training, is {width}x{height}.'
            )
        if None in given:
            image['width'], image['height'] = width, height
            repairs['size'] += 1
    return repairs


def repair(data: dict) -> Counter:
    """Clip boxes to their images, drop those without area, fill in area and iscrowd; the kinds of repair, counted.

    `data` is changed in place; it has passed `check` and its images have sizes.
    """
    repairs, kept = Counter(), []
    sizes = {image['id']: (image['width'], image['height']) for image in data['images']}
    for annotation in data['annotations']:
        x, y, w, h = annotation['bbox']
        width, height = sizes[annotation['image_id']]
        if x < 0 or y < 0 or w == 0 or h == 0 or x + w > width or y + h > height:
            left, top, right, bottom = max(x, 0), max(y, 0), min(x + w, width), min(y + h, height)
            if right <= left or bottom <= top:
                repairs['dropped'] += 1
                continue
            if max(-x, -y, x + w - width, y + h - height) > TOLERANCE:
                w, h = right - left, bottom - top
                annotation['bbox'] = [left, top, w, h]
                if not annotation.get('segmentation'):  # else area is the mask's
                    annotation['area'] = w * h
                repairs['clipped'] += 1
        area = annotation.get('area')
        # CocoDataset leaves out what has no area, in silence; boxes of less than a pixel it leaves out anyway.
        if type(area) not in (int, float) or (not area > 0 and w >= 1 and h >= 1):
            annotation['area'] = w * h
            repairs['area'] += 1
        if annotation.get('iscrowd') is None:
            annotation['iscrowd'] = 0
            repairs['iscrowd'] += 1
        kept.append(annotation)
    if any(annotation['id'] == 0 for annotation in kept):
        # pycocotools marks a detection by the id of the box that it found, and reads 0 as "found none".
        for number, annotation in enumerate(kept, 1):
            annotation['id'] = number
        repairs['id'] = len(kept)
    data['annotations'] = kept
    return repairs


def describe(repairs: Counter) -> str:
    return ', '.join(f'{count} {WORDS[kind][count > 1]}' for kind in WORDS if (count := repairs[kind]))
