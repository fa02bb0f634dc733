"""Annotations of a split, checked and repaired: what training on boxes and drawing label maps have in common."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

from ...utils.garbage import paused_collector
from ..checks.annotations import check_annotations
from ..checks.classes import check_same_classes
from ..checks.corners import refuse_corners
from ..checks.discarded_content import describe_discarded_content
from ..checks.images import ImageInfo, read_images
from ..checks.masks import MaskError, check_masks
from ..checks.repair import (
    describe_repairs,
    fill_boxes,
    fill_image_sizes,
    normalize_coco,
    repair_annotations,
    set_categories,
)
from .base import Annotations


@dataclass(frozen=True)
class CheckedFile:
    """Annotations that have been checked as far as that takes no image.

    Attributes:
        name: What messages call their source, relative to the data folder.
        annotations: The annotations, normalized.
        annotated: Ids of the images that the source has annotations of, valid or not.
        repairs: Number of repairs of each kind.
        masks_for: What needs a mask for each object, for messages; None: nothing does.
    """

    name: str
    annotations: Annotations
    annotated: set[int]
    repairs: Counter[str]
    masks_for: str | None


class Repairs(NamedTuple):
    """What has been done to annotations.

    Attributes:
        kinds: The kinds of changes, ``order`` for that of the categories among them.
        images: What was found in each image file, in the order of the annotations.
        notes: What the user should know, one line each.
    """

    kinds: set[str]
    images: list[ImageInfo]
    notes: list[str]


@paused_collector()
def check_file(
    root: Path, name: str, annotations: Annotations, classes: tuple[str, ...], whose: str, masks_for: str | None
) -> CheckedFile:
    """Check and normalize annotations before the first image is decoded, which may take minutes.

    Args:
        root: The data folder.
        name: What messages call the source, relative to `root`.
        annotations: Annotations whose categories have passed
            :func:`~mmbackbones.datasets.checks.annotations.check_categories`; changed in place.
        classes: The classes that objects may be of.
        whose: What has these classes, for messages.
        masks_for: What needs a mask for each object, for messages. None: nothing does.

    Raises:
        NoAnnotationsError: There are no annotations at all.
        UserError: The first defect that cannot be repaired.
    """
    data, source = annotations.data, str(root / name)
    filled = fill_boxes(data)
    check_annotations(data, source)
    check_classes(data, classes, source, whose)
    annotated = {annotation['image_id'] for annotation in data['annotations']}
    repairs = filled + normalize_coco(data, annotations.image_dir, source, masks_for is not None)
    if masks_for is not None:
        if annotations.no_masks:
            raise MaskError(f'{source}: {masks_for} needs a mask for each object, but {annotations.no_masks}')
        check_masks(_with_known_sizes(data), source, masks_for)
    return CheckedFile(name, annotations, annotated, repairs, masks_for)


def check_classes(data: dict[str, Any], expected: tuple[str, ...], name: str, whose: str) -> None:
    """Check that the classes are the expected ones, or at least those of the objects are.

    Args:
        data: Content of a COCO file whose categories have been checked.
        expected: Classes of `whose`.
        name: What messages call the file.
        whose: What has the classes `expected`, for messages.

    Raises:
        UserError: They differ, with the classes that are missing and those that are not expected.
    """
    names = {category['id']: category['name'] for category in data['categories']}
    ids = [item.get('category_id') for item in data['annotations']]
    occurring = {names[number] for number in ids if type(number) is int and number in names}
    check_same_classes(names.values(), expected, name, whose, occurring)


def repair_file(root: Path, item: CheckedFile, classes: tuple[str, ...]) -> Repairs:
    """Decode the images of annotations, repair them, and make their categories the `classes` in their order.

    Args:
        root: The data folder.
        item: Annotations, in which no class but `classes` has objects; changed in place.
        classes: Names of the classes.

    Raises:
        UserError: An image is missing or unreadable, or contradicts its annotations.
    """
    annotations = item.annotations
    data, source, notes = annotations.data, str(root / item.name), [*annotations.notes]
    files = [image['file_name'] for image in data['images']]
    images = annotations.images or read_images(annotations.boundary or root, annotations.image_dir, files, source)
    images, unreadable = _drop_unreadable(data, images)
    files = [image['file_name'] for image in data['images']]
    filled = unreadable + fill_image_sizes(data, images, source)
    refuse_corners(data, source)
    repairs = item.repairs + filled + repair_annotations(data, annotations.image_dir)
    if item.masks_for is not None and filled['size']:
        check_masks(data, source, item.masks_for)  # those of images whose size has not been known
    ordered = [category['name'] for category in data['categories']] == list(classes)
    repairs += set_categories(data, classes)
    if repairs:
        notes.append(f'{item.name}: {describe_repairs(repairs)}')
    notes += describe_discarded_content(files, images, item.name)
    if turned := [file for file, info in zip(files, images, strict=True) if info.orientation != 1]:
        notes.append(
            f'{item.name}: images that their EXIF orientation turns or mirrors, in training as well, so that boxes '
            f'have to fit them as a viewer shows them: {len(turned)}, such as {turned[0]}'
        )
    if repeated := [file for file, number in Counter(files).items() if number > 1]:
        notes.append(
            f'{item.name}: images that are listed more than once, each time with a part of the boxes: '
            f'{len(repeated)}, such as {repeated[0]}'
        )
    return Repairs({*repairs, *([] if ordered else ['order'])}, images, notes)


def _drop_unreadable(data: dict[str, Any], images: list[ImageInfo]) -> tuple[list[ImageInfo], Counter[str]]:
    """Leave out what cannot be read, where that is collected.

    Returns:
        What was found in the other image files; number of repairs.
    """
    left_out = {image['id'] for image, info in zip(data['images'], images, strict=True) if not info.is_readable}
    if not left_out:
        return images, Counter()
    data['images'] = [image for image in data['images'] if image['id'] not in left_out]
    data['annotations'] = [item for item in data['annotations'] if item['image_id'] not in left_out]
    return [info for info in images if info.is_readable], Counter(unreadable=len(left_out))


def _with_known_sizes(data: dict[str, Any]) -> dict[str, Any]:
    known = {image['id'] for image in data['images'] if None not in (image['width'], image['height'])}
    return data | {'annotations': [item for item in data['annotations'] if item['image_id'] in known]}
