"""Roboflow's COCO exports: one folder per split, with a COCO file among the images."""

from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from ...utils.text import short
from ..checks.annotations import NoAnnotationsError
from .base import Annotations, DetectionFormat
from .coco_files import read_coco
from .folder import Folder
from .split_names import describe_unused, find_splits, split_of

FILE = '_annotations.coco.json'


class RoboflowCoco(DetectionFormat):
    """Folders that are named after their splits, each with images and a COCO file."""

    name = 'Roboflow COCO'
    expects = f'`{{train,valid}}/{FILE}` (and `test/`) beside the images'

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
        root = self.root
        self._folders = _find_folders(root)
        self._files: dict[str, Annotations] = {}
        self.splits = {split: f'{folder}/{FILE}' for split, folder in self._folders.items()}
        files = {f'{path.parent.name}/{FILE}' for path in root.glob(f'*/{FILE}')}
        self.notes = describe_unused(files.difference(self.splits.values()), root)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(_find_folders(folder.root))

    def read(self, split: str) -> Annotations:
        found = self._read_file(split)
        if not self._have_parent:
            return found
        parent = next(category['name'] for category in found.data['categories'] if category.get('id') == 0)
        kept = [category for category in found.data['categories'] if category.get('id') != 0]
        note = f'category {short(parent)} (id 0), which Roboflow adds as the parent of the others, is dropped'
        return Annotations(found.data | {'categories': kept}, found.image_dir, notes=(note,))

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
            self._files[split] = read_coco(self.root, self.splits[split], split, (self._folders[split],))
        return self._files[split]


def _find_folders(root: Path) -> dict[str, str]:
    return find_splits(filter(split_of, {path.parent.name for path in root.glob(f'*/{FILE}')}), str(root))


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
