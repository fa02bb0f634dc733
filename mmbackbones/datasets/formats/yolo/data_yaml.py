"""YOLO folders as Ultralytics, Roboflow and CVAT write them: a YAML file that names splits and classes."""

import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from ....errors import UserError
from ....utils.paths import normalize_separators
from ....utils.text import short
from ....utils.yaml_file import read_yaml
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..split_names import NAMES, describe_unused
from .base import TextFilePerImage
from .places import find_inside, find_moved

_USUAL = 'data.yaml'
_KEYS = {name for split in ('train', 'val') for name in NAMES[split]}
_OUTLINES = {'obb': False, 'segment': True}  # task -> whether corners are masks


class Yolo(TextFilePerImage):
    """A YAML file, which names the images of each split and the classes, and a label file per image with objects.

    Args:
        folder: The data folder.
        file: The YAML file, if the user named it; then it may name images anywhere. Default: the one in the folder.
    """

    name = 'YOLO'
    tools = {'Ultralytics': '', 'CVAT': 'Ultralytics YOLO 1.0', 'Roboflow': 'YOLOv5 and newer'}
    expects = '`data.yaml` or another `*.yaml` with `names`, `train` and `val`; `images/`, `labels/*.txt`'

    tree = """
data.yaml  # train, val and names
images/
  train/*.jpg
  val/*.jpg
labels/
  train/*.txt
  val/*.txt
"""
    signs = {'*.y*ml': 'class names and splits', 'images/': 'images', 'labels/**/*.txt': 'a text file per image'}

    def __init__(self, folder: Folder, file: Path | None = None) -> None:
        yaml = file or folder / (_find_yaml(folder) or _USUAL)
        super().__init__(folder, yaml, home=Path(yaml.anchor) if file else None)
        config = read_yaml(self.file)
        if not isinstance(config, dict):
            raise UserError(f'{self.file} must hold "names", "train" and "val"')
        config = {key.lower() if isinstance(key, str) else key: value for key, value in config.items()}
        self.categories = _read_categories(config, self.file)
        self.keypoints = _read_keypoints(config, self.file)
        self.outlines = _OUTLINES.get(str(config.get('task')), self.outlines)
        for split in NAMES:
            self._list_split(split, config)
        if not self.images:
            raise UserError(f'{self.file} names no images: it needs "train" and "val", each a folder or a .txt list')
        self.finish_splits()
        if not any(config.get(name) for name in NAMES['val']):
            self._refuse_unnamed_val()
        if not file:
            self.notes += describe_unused(_list_yamls(folder, besides=self.file.name), self.root)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return _find_yaml(folder) is not None

    @classmethod
    def open_file(cls, file: Path) -> 'Yolo':
        """Open the data set of a YAML file that the user named: its images may be anywhere.

        Args:
            file: The YAML file, an absolute path; its folder is the data folder.

        Raises:
            UserError: The file is malformed, or the splits that it names are not there.
        """
        return cls(Folder(file.parent), file)

    def _list_split(self, split: str, config: dict[Any, Any]) -> None:
        keys = [name for name in NAMES[split] if config.get(name)]
        if not keys:
            return
        entry = config[keys[0]]
        if any(config[key] != entry for key in keys):
            raise UserError(f'{self.file} has {" and ".join(keys)}, which are both the split {split!r}: keep one')
        base = self.root / normalize_separators(self.root, str(config.get('path') or '.').replace('\0', ''))
        entries = [str(item) for item in (entry if isinstance(entry, list) else [entry])]
        places = [place for item in entries if (place := self._find_place(base, item, split, keys[0]))]
        if len(places) == len(entries):
            self.add_split(split, places, [base])
        elif split == 'test':  # Roboflow names one whether it exists or not
            named = short(', '.join(entries))[1:-1]
            self.notes.append(f'{self.file.name}: {named}, named as its test split, is not there: left out')
        else:
            raise UserError(self._describe_missing(base, entry, keys[0]))

    def _find_place(self, base: Path, entry: str, split: str, key: str) -> Path | None:
        """The folder or list that an entry names.

        Roboflow writes ``../train/images`` for the ``train/images`` beside data.yaml.
        """
        place = find_inside(self.home, entry, base, self.root)
        if not place and (place := find_moved(self.root, entry, split)):
            here = place.relative_to(self.root).as_posix()
            if entry.replace('\\', '/').removeprefix('./').removeprefix('../') != here:
                self.notes.append(f'{self.file.name}: "{key}" is {short(entry)}, which was found as {here}')
        return place if place and (place.is_dir() or place.suffix.lower() == '.txt') else None

    def _describe_missing(self, base: Path, entry: object, key: str) -> str:
        if self.home == self.root:
            text = f'{self.file}: "{key}" is {short(entry)}, which is neither a folder nor a .txt list in {self.root}'
            images = sorted({os.path.dirname(name) for name in self.folder.walk('', SUFFIXES)})
            text += (
                f', whose images are in {", ".join([*images[:3], "..."][: len(images)])}'
                if images
                else (', which holds no images: put them there')
            )
            outside = [str(item) for item in (entry if isinstance(entry, list) else [entry])]
            if all(find_inside(Path(base.anchor), item, base) for item in outside):
                text += f'; it is outside of this folder: to read it there, use --data {self.file}'
            return text
        places = ' or '.join(dict.fromkeys([str(base), str(self.root)]))
        return f'{self.file}: "{key}" is {short(entry)}, which is neither a folder nor a .txt list in {places}'

    def _refuse_unnamed_val(self) -> None:
        """Raise UserError if images of a validation split are where they usually are, but the file names none."""
        root = self.root
        named = {place for places in self.places.values() for place in places}
        for place in sorted([*root.glob('images/*'), *root.glob('*/images'), *root.glob('*.txt')]):
            is_list = place.suffix == '.txt'
            split = place.stem if is_list else place.parent.name if place.name == 'images' else place.name
            if split.lower() not in NAMES['val'] or place in named or place.is_dir() == is_list:
                continue
            listed = (self.home / name for names in self.images.values() for name in names)
            if is_list or not any(path.is_relative_to(place) for path in listed):
                raise UserError(
                    f'{self.file} names no validation split, but there is {place.relative_to(root).as_posix()}'
                    f'{"" if is_list else "/"}: name it there as "val", or move it away to have "train" split 80/20'
                )


def is_data_yaml(content: object) -> bool:
    """Whether what a YAML file holds describes a data set: class names, and images of a split."""
    keys = {key.lower() for key in content if isinstance(key, str)} if isinstance(content, Mapping) else set()
    return 'names' in keys and not keys.isdisjoint(_KEYS)


def _find_yaml(folder: Folder) -> str | None:
    """The file that describes the data set: `data.yaml`, or the only one that does."""
    if (folder / _USUAL).is_file():
        return _USUAL
    names = _list_yamls(folder)
    if len(names) > 1:
        raise UserError(
            f'{folder.root} has several files with "names" and "train" or "val": {", ".join(names)}; give the one to '
            f'use, such as --data {folder / names[0]}'
        )
    return names[0] if names else None


def _list_yamls(folder: Folder, besides: str = '') -> list[str]:
    found = []
    for name in sorted([*folder.files('', '*.yaml'), *folder.files('', '*.yml')]):
        with suppress(UserError):
            if name != besides and is_data_yaml(read_yaml(folder / name)):
                found.append(name)
    return found


def _read_categories(config: Mapping[Any, Any], file: Path) -> list[dict[str, Any]]:
    names = config.get('names')
    if isinstance(names, list):
        names = dict(enumerate(names))
    elif isinstance(names, dict) and all(isinstance(key, str) and key.isdecimal() for key in names):  # from JSON
        names = {int(key): name for key, name in names.items()}
    if not isinstance(names, dict) or not names or not all(type(key) is int and key >= 0 for key in names):
        raise UserError(f'{file}: "names" must be a list of class names, or a table from class index to name')
    for name in names.values():
        if type(name) not in (str, int, float):  # YAML reads a bare yes, no, on, off or null as something else
            raise UserError(f'{file}: the class name {short(name)} must be text; put it in quotes')
    count = config.get('nc')
    if type(count) is int and count != len(names):
        raise UserError(f'{file}: "nc" is {short(count)}, but there are {len(names)} "names": correct one of them')
    return [{'id': key, 'name': str(names[key])} for key in sorted(names)]


def _read_keypoints(config: Mapping[Any, Any], file: Path) -> int:
    """Number of values behind each box."""
    if 'kpt_shape' not in config:
        return 0
    shape = config['kpt_shape']
    if not isinstance(shape, list) or [type(value) for value in shape] != [int, int] or min(shape) < 1:
        raise UserError(f'{file}: "kpt_shape" must be [number of keypoints, 2 or 3], not {short(shape)}')
    return int(shape[0] * shape[1])
