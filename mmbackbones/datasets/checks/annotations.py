"""Validation of COCO annotations: defects that cannot be repaired."""

from typing import Any

from ...errors import UserError
from ...utils.text import short

NUMBER_TYPES = {int, float}  # not bool, which isinstance takes for an int
MAX_CLASSES = 20_000  # MMDetection and pycocotools search a list of all classes for each: hours for 100,000
MAX_ID = 1 << 63  # exclusive: pycocotools turns all ids into floats if one has more bits
MAX_COORDINATE = 1e15  # pixels; arithmetic on a box beyond it is meaningless, as it is for infinities and NaN
MAX_RELATIVE = 1.1  # relative boxes lie between 0 and 1, but for rounding and boxes that reach over the image


class NoAnnotationsError(UserError):
    """A split without annotations, as test sets often are; an error only for a run that needs the split."""


def check_categories(data: dict[str, Any], name: str) -> None:
    """Check that the categories have unique ids and unique names.

    Args:
        data: Content of a COCO file.
        name: How messages call the file.

    Raises:
        NoAnnotationsError: There are neither categories nor annotations.
        UserError: The first defect.
    """
    if not data['categories'] and not data['annotations']:
        raise NoAnnotationsError(f'{name} has no annotations')
    _unique_ids(data, 'categories', 'category', name)
    if len(data['categories']) > MAX_CLASSES:
        raise UserError(f'{name} has {len(data["categories"]):,} categories; at most {MAX_CLASSES:,} are supported')
    ids: dict[str, int] = {}
    for category in data['categories']:
        label = category.get('name')
        if not isinstance(label, str) or not label:
            raise UserError(f'{name}: category {category["id"]} needs a name, but has {short(label)}')
        if label in ids:
            raise UserError(f'{name}: categories {ids[label]} and {category["id"]} have the same name {short(label)}')
        ids[label] = category['id']


def check_annotations(data: dict[str, Any], name: str) -> None:
    """Check ids, references, file names and boxes.

    Args:
        data: Content of a COCO file whose categories have passed :func:`check_categories`.
        name: How messages call the file.

    Raises:
        NoAnnotationsError: There are no annotations at all.
        UserError: The first defect, with the file and the id of the image or annotation.
    """
    if not data['annotations']:
        raise NoAnnotationsError(f'{name} has no {"annotations" if data["images"] else "images"}')
    categories = {category['id'] for category in data['categories']}
    images = _unique_ids(data, 'images', 'image', name)
    for image in data['images']:
        if not isinstance(image.get('file_name'), str) or not image['file_name']:
            raise UserError(f'{name}: image {image["id"]} needs a file_name, but has {short(image.get("file_name"))}')
    _unique_ids(data, 'annotations', 'annotation', name)
    for annotation in data['annotations']:
        if defect := _find_defect(annotation, images, categories):
            raise UserError(f'{name}: annotation {annotation["id"]} {defect}')
    boxes = [annotation['bbox'] for annotation in data['annotations']]
    boxes = [box for box in boxes if box[2] and box[3]]
    if boxes and all(max(map(abs, box)) < MAX_RELATIVE for box in boxes):
        raise UserError(
            f'{name}: all {len(boxes)} boxes lie between 0 and 1, such as {boxes[0]}: they look like fractions of the '
            'image size, but must be in pixels'
        )


def _unique_ids(data: dict[str, Any], key: str, kind: str, name: str) -> set[int]:
    if not data[key]:
        raise UserError(f'{name} has no {key}')
    ids: set[int] = set()
    for number, record in enumerate(data[key], 1):
        value = record.get('id')
        if type(value) is not int:
            raise UserError(f'{name}: {kind} number {number} needs an integer as its id, but has {short(value)}')
        if not -MAX_ID <= value < MAX_ID:
            raise UserError(f'{name}: the {kind} id {short(value)} has more than 63 bits')
        if value in ids:
            raise UserError(f'{name}: the {kind} id {value} occurs twice')
        ids.add(value)
    return ids


def _find_defect(annotation: dict[str, Any], images: set[int], categories: set[int]) -> str | None:
    # Called 860,000 times for COCO: plain comparisons, no generators, and a message is built only for a defect.
    try:
        image, category, box = annotation['image_id'], annotation['category_id'], annotation['bbox']
    except KeyError as error:
        return f'has no "{error.args[0]}"'
    if type(image) is not int or image not in images:
        return f'belongs to image {short(image)}, which is {_unknown(image, "images")}'
    if type(category) is not int or category not in categories:
        return f'has category {short(category)}, which is {_unknown(category, "categories")}'
    if type(box) is not list or len(box) != 4 or not NUMBER_TYPES.issuperset(map(type, box)):
        return f'has bbox {short(box)}, which is not four numbers (x, y, width, height)'
    for value in box:
        if not -MAX_COORDINATE < value < MAX_COORDINATE:
            return f'has bbox {short(box)}, whose numbers must be finite and below {MAX_COORDINATE:g}'
    if box[2] < 0 or box[3] < 0:
        return f'has bbox {short(box)}, whose width or height is negative'
    for key in ('iscrowd', 'ignore'):
        if annotation.get(key) not in (None, 0, 1):
            return f'has {key} {short(annotation[key])}, which is neither 0 nor 1'
    return None


def _unknown(number: object, key: str) -> str:
    return f'not among the {key}' + ('' if type(number) is int else ', whose ids are integers')
