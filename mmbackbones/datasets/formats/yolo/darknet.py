"""Folders for darknet, as CVAT exports them ("YOLO 1.1"): `obj.data` names the lists of images and the class names."""

from contextlib import suppress
from pathlib import Path

from ....errors import UserError
from ....utils.files import is_regular, read_text
from ....utils.text import short
from ..folder import Folder
from ..split_names import NAMES, describe_unused, split_of
from .base import TextFilePerImage
from .class_files import read_names, to_categories
from .places import find_inside, find_moved

_MAX_BYTES = 1 << 16  # of a file with five lines


class Darknet(TextFilePerImage):
    """`obj.data`, which names a list of images for each split and the file of class names."""

    name = 'YOLO Darknet'
    tools = {'CVAT': 'YOLO 1.1', 'Darknet': ''}
    expects = '`obj.data`, `obj.names`, `train.txt` (and `valid.txt`), images and `*.txt` in `obj_train_data/` alike'

    tree = """
obj.data  # names, train and valid
obj.names  # line n names class n-1
train.txt  # paths of images
valid.txt
obj_train_data/
  *.jpg
  *.txt
obj_valid_data/
  *.jpg
  *.txt
"""
    signs = {'*.data': 'names of the lists', '*.names': 'class names', 'train.txt': 'a list of images'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder, folder / _find_data_file(folder)[0])
        entries = _read_entries(self.file)
        names = self._find(entries['names'])
        if not names:
            raise UserError(f'{self.file}: names = {short(entries["names"])} is not a file in {self.root}')
        self.categories = to_categories(read_names(names))
        if (count := entries.get('classes', '')).isdecimal() and int(count) != len(self.categories):
            raise UserError(
                f'{self.file}: classes = {short(count)}, but {names.name} has {len(self.categories)}: correct one'
            )
        for split in NAMES:
            self._add_lists(split, entries)
        self.finish_splits()
        unused = (value for key, value in entries.items() if not split_of(key) and _is_list(value))
        self.notes += describe_unused(unused, self.root)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(_find_data_file(folder))

    def _find(self, entry: str) -> Path | None:
        return find_inside(self.root, entry, self.root) or find_moved(self.root, entry)

    def _add_lists(self, split: str, entries: dict[str, str]) -> None:
        named = [value for key, value in entries.items() if split_of(key) == split and _is_list(value)]
        used = {place.name for places in self.places.values() for place in places}
        beside = [name for name in self.folder.files('', '*.txt') if split_of(name[:-4]) == split and name not in used]
        if len(named) > 1:
            raise UserError(f'{self.file} has {" and ".join(named)}, which are both the split {split!r}: keep one')
        for value in named or beside[:1]:
            place = self._find(value)
            if not place:
                raise UserError(f'{self.file}: {short(value)}, the list of {split}, is not in {self.root}')
            self.add_split(split, [place])


def _find_data_file(folder: Folder) -> list[str]:
    """`obj.data` or a file of another name in its form.

    Raises:
        UserError: There are several.
    """
    found = [name for name in folder.files('', '*.data') if {'names', 'train'} <= _read_entries(folder / name).keys()]
    if len(found) > 1:
        raise UserError(f'{folder.root} has several files in the form of obj.data: {", ".join(found)}; keep one')
    return found


def _read_entries(file: Path) -> dict[str, str]:
    """``key = value`` in each line; nothing if it is another kind of file."""
    with suppress(UserError, OSError):
        if is_regular(file) and file.stat().st_size <= _MAX_BYTES:
            pairs = (line.partition('=') for line in read_text(file).splitlines() if '=' in line)
            return {key.strip().lower(): value.strip() for key, _, value in pairs}
    return {}


def _is_list(value: str) -> bool:
    return value.lower().endswith('.txt')
