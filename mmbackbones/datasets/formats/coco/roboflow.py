"""Roboflow's COCO exports: one folder per split, with a COCO file among the images."""

from contextlib import suppress
from functools import cached_property
from typing import Any

from ....utils.text import short
from ...checks.annotations import NoAnnotationsError
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..split_names import describe_unused, find_splits, split_of
from .files import read_coco

FILE = '_annotations.coco.json'


class RoboflowCoco(DetectionFormat):
    """Folders that are named after their splits, each with images and a COCO file."""

    name = 'Roboflow COCO'
    tools = {'Roboflow': 'COCO, COCO Segmentation'}
    expects = f'`{{train,valid}}/{FILE}` (and `test/`) beside the images, or a single folder'
    tree = """
train/
  _annotations.coco.json
  *.jpg
valid/
  _annotations.coco.json
  *.jpg
"""
    signs = {f'*/{FILE}': 'a COCO file per split', '*/*.jpg': 'images'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self._files: dict[str, Annotations] = {}
        self.splits = _find_files(folder)
        self.notes = describe_unused(set(_list_files(folder)).difference(self.splits.values()), self.root)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(_find_files(folder))

    def read(self, split: str) -> Annotations:
        found = self._read_file(split)
        if not self._have_parent:
            return found
        parent = next(category['name'] for category in found.data['categories'] if category.get('id') == 0)
        kept = [category for category in found.data['categories'] if category.get('id') != 0]
        note = f'category {short(parent)} (id 0), which Roboflow adds as the parent of the others, is dropped'
        return Annotations(found.data | {'categories': kept}, found.image_dir, notes=(*found.notes, note))

    @cached_property
    def _have_parent(self) -> bool:
        """Whether category 0 of every file is such a parent: that it has no boxes shows only in all files together."""
        found = []
        for split in self.splits:
            with suppress(NoAnnotationsError):
                found.append(self._read_file(split))
        return all(_has_parent(item.data) for item in found)

    def _read_file(self, split: str) -> Annotations:
        if split not in self._files:
            file = self.splits[split]
            self._files[split] = read_coco(
                self.folder, file, split, [file.rpartition('/')[0] or '.'], alone=len(self.splits) == 1
            )
        return self._files[split]


def _list_files(folder: Folder) -> list[str]:
    files = [FILE, *(f'{place}/{FILE}' for place in folder.folders())]
    return [file for file in files if folder.has_file(file)]


def _find_files(folder: Folder) -> dict[str, str]:
    """Split -> its file; a single file, whatever its folder is called, is for training."""
    files = _list_files(folder)
    places = {file.rpartition('/')[0] for file in files}
    found = find_splits(filter(split_of, places), str(folder.root))
    if not found and len(files) == 1:
        return {'train': files[0]}
    return {split: f'{place}/{FILE}' for split, place in found.items()}


def _has_parent(data: dict[str, list[dict[str, Any]]]) -> bool:
    """Roboflow writes the project's name as category 0, the parent of all others, which no box ever has."""
    parents = [category for category in data['categories'] if category.get('id') == 0]
    others = [category for category in data['categories'] if category.get('id') != 0]
    return (
        len(parents) == 1
        and bool(others)
        and all(category.get('supercategory') == parents[0].get('name') for category in others)
        and all(annotation.get('category_id') != 0 for annotation in data['annotations'])
    )
