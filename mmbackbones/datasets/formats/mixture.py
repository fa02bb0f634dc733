"""Folders in which some images are annotated in one format, and others in another."""

import os
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from ...errors import UserError
from ...utils.text import counted
from .base import Annotations, DetectionFormat


def refuse_mixture(found: DetectionFormat, contents: Iterable[Annotations]) -> None:
    """Raise UserError if images that have no objects in a format have some in another one of the same folder.

    Looked at are formats with a file per image, which take an image without a file for one without objects.

    Args:
        found: The format that is used.
        contents: What it says, with valid ids.
    """
    others = [other for other in found.unused if other.file_per_image]
    if not others or not found.file_per_image:
        return
    bare, classes = set[Path](), set[str]()
    for content in contents:
        filled = {item['image_id'] for item in content.data['annotations']}
        bare |= {_path(content, image['file_name']) for image in content.data['images'] if image['id'] not in filled}
        classes |= {category['name'] for category in content.data['categories']}
    for other in others if bare else ():
        objects = list[Path]()
        with suppress(UserError):  # what is not used may have defects
            for split in other.splits:
                objects += _find_annotated(other.read(split), classes)
        if lost := sorted(bare.intersection(objects)):
            raise UserError(
                f'{found.root} is in two formats: {counted(len(lost), "image")} without objects in the format '
                f'{found.name}, such as {os.path.relpath(lost[0], found.root)}, {"has" if len(lost) == 1 else "have"} '
                f'objects in the format {other.name}: save all in one format, or move the files of one away'
            )


def _find_annotated(content: Annotations, classes: set[str]) -> list[Path]:
    """The images with objects of some classes."""
    ids = {category['id'] for category in content.data['categories'] if category['name'] in classes}
    filled = {item['image_id'] for item in content.data['annotations'] if item['category_id'] in ids}
    return [_path(content, image['file_name']) for image in content.data['images'] if image['id'] in filled]


def _path(content: Annotations, file_name: str) -> Path:
    return content.image_dir / file_name
