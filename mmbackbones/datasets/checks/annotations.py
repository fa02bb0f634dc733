"""What a COCO file must fulfil, and cannot be repaired."""

from ...errors import UserError
from ...utils.text import short

NUMBER_TYPES = {int, float}  # not bool, which is an int to isinstance
MAX_CLASSES = 20_000  # MMDetection and pycocotools look up each class in a list of all: hours for 100,000
MAX_ID = 1 << 63
MAX_COORDINATE = 1e15  # pixels; beyond it, and for infinities and NaN, arithmetic on a box means nothing


class NoAnnotationsError(UserError):
    """A split without annotations, as test sets often are; it stops only a run that needs that split."""


def check_categories(data: dict, name: str) -> None:
    """Check that `data` (COCO form), which messages call `name`, has categories with ids and names of their own.

    Raises:
        NoAnnotationsError: there are neither categories nor annotations.
        UserError: the first defect.
    """
    if not data['categories'] and not data['annotations']:
        raise NoAnnotationsError(f'{name} has no annotations.')
    _unique_ids(data, 'categories', 'category', name)
    if len(data['categories']) > MAX_CLASSES:
        raise UserError(
            f'{name} has {len(data["categories"]):,} categories; {MAX_CLASSES:,} is the most that a '
            'detector can be trained on here.'
        )
    seen = {}
    for category in data['categories']:
        label = category.get('name')
        if not isinstance(label, str) or not label:
            raise UserError(f'{name}: category {category["id"]} needs a name, but has {short(label)}.')
        if label in seen:
            raise UserError(f'{name}: categories {seen[label]} and {category["id"]} have the same name {short(label)}.')
        seen[label] = category['id']


def check_annotations(data: dict, name: str) -> None:
    """Check ids, references, file names and boxes of `data`, whose categories have been checked.

    Raises:
        NoAnnotationsError: there are no annotations at all.
        UserError: the first defect, with the file and the id of the image or annotation.
    """
    if not data['annotations']:
        raise NoAnnotationsError(f'{name} has no {"annotations" if data["images"] else "images"}.')
    categories = {category['id'] for category in data['categories']}
    images = _unique_ids(data, 'images', 'image', name)
    for image in data['images']:
        if not isinstance(image.get('file_name'), str) or not image['file_name']:
            raise UserError(f'{name}: image {image["id"]} needs a file_name, but has {short(image.get("file_name"))}.')
    _unique_ids(data, 'annotations', 'annotation', name)
    for annotation in data['annotations']:
        if fault := _fault(annotation, images, categories):
            raise UserError(f'{name}: annotation {annotation["id"]} {fault}.')
    boxes = [annotation['bbox'] for annotation in data['annotations']]
    boxes = [box for box in boxes if box[2] and box[3]]
    if boxes and all(max(map(abs, box)) < 1.1 for box in boxes):  # they are rounded, and may reach over the image
        raise UserError(
            f'{name}: all {len(boxes)} boxes lie between 0 and 1, such as {boxes[0]}: they look like '
            'shares of the image, where pixels are wanted.'
        )


def _unique_ids(data: dict, key: str, kind: str, name: str) -> set[int]:
    if not data[key]:
        raise UserError(f'{name} has no {key}.')
    ids = set()
    for number, record in enumerate(data[key], 1):
        value = record.get('id')
        if type(value) is not int:
            raise UserError(f'{name}: {kind} number {number} needs an integer as its id, but has {short(value)}.')
        if not -MAX_ID <= value < MAX_ID:  # else pycocotools turns all of them into floats
            raise UserError(f'{name}: the {kind} id {short(value)} has more than 63 bits.')
        if value in ids:
            raise UserError(f'{name}: the {kind} id {value} occurs twice.')
        ids.add(value)
    return ids


def _fault(annotation: dict, images: set[int], categories: set[int]) -> str | None:
    # Called 860,000 times for COCO: plain tests, no generators, and a message is made only when there is one.
    try:
        image, category, box = annotation['image_id'], annotation['category_id'], annotation['bbox']
    except KeyError as error:
        return f'lacks "{error.args[0]}"'
    if type(image) is not int or image not in images:
        return f'belongs to image {short(image)}, which is {_unknown(image, "images")}'
    if type(category) is not int or category not in categories:
        return f'has category {short(category)}, which is {_unknown(category, "categories")}'
    if type(box) is not list or len(box) != 4 or not NUMBER_TYPES.issuperset(map(type, box)):
        return f'has bbox {short(box)}, which is not four numbers (x, y, width, height)'
    for value in box:
        if not -MAX_COORDINATE < value < MAX_COORDINATE:
            return f'has bbox {short(box)}, which is not finite'
    if box[2] < 0 or box[3] < 0:
        return f'has bbox {short(box)}, whose width or height is negative'
    for key in ('iscrowd', 'ignore'):
        if annotation.get(key) not in (None, 0, 1):
            return f'has {key} {short(annotation[key])}, which is neither 0 nor 1'
    return None


def _unknown(number: object, among: str) -> str:
    return f'not among the {among}' + ('' if type(number) is int else ', whose ids are integers')
