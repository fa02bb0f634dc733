"""A YAML file in which the user says where the images of each split and their annotations are.

It is for data that no format covers. Because the user wrote its paths, they may lead anywhere.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from difflib import get_close_matches
from functools import cached_property
from pathlib import Path
from typing import ClassVar

from ...errors import UserError
from ...utils.text import short
from ...utils.yaml_file import read_yaml
from .base import Annotations, DetectionFormat, Format, LabeledImages, LabelNames, SegmentationFormat, Task
from .census import holds_images
from .coco.cvat import undo_quirks
from .coco.files import read_coco
from .folder import Folder
from .label_maps.names import MAX_CLASSES, find_label_names, from_list
from .label_maps.names.values import from_values
from .label_maps.object_masks import ObjectMasks
from .label_maps.pairs import Pairing, describe_spare, read_pairs
from .label_maps.places import Place
from .no_path import explain_foreign, explain_missing
from .split_names import NAMES
from .yolo.data_yaml import Yolo

EXAMPLE = """
train: {images: /data/a/photos, annotations: /data/a/labels.json}
val: {images: photos_val, annotations: val.json}
"""
EXAMPLE_WITH_MASKS = """
train: {images: photos, masks: labels}
val: {images: photos_val, masks: labels_val}
classes: [background, road, car]  # or a table value: name, such as {0: background, 7: road, 26: car}
"""
_SPLIT_KEYS = ('images', 'annotations', 'masks')
_KEYS = (*NAMES, 'classes')
_FORM = '{images: FOLDER, annotations: COCO_FILE} or {images: FOLDER, masks: FOLDER}'
_YOLO = '; a YAML file of Ultralytics needs "names" as well'
_MAX_VALUE = 65535  # of a label map of 16 bits


@dataclass(frozen=True)
class _Content:
    """What a data file says; all paths are absolute.

    Attributes:
        splits: Split -> key -> path, in the order ``train``, ``val``, ``test``.
        classes: Value in label maps -> name; or names in the order of the labels.
    """

    splits: dict[str, dict[str, Path]]
    classes: dict[int, str] | list[str] | None


def is_data_file(path: Path) -> bool:
    """Whether a path is that of a YAML file."""
    return path.suffix.lower() in ('.yaml', '.yml') and path.is_file()


def data_file_tasks(file: Path) -> tuple[Task, ...]:
    """What the splits of a data file are annotated with.

    Raises:
        UserError: It is malformed.
    """
    content = _read(file)
    return ('boxes',) if content is None else _tasks(content)


def open_data_file(file: Path, task: Task | None, objects: bool = False) -> Format:
    """Open the data set that a YAML file describes: its own kind, or Ultralytics' with ``names``.

    Args:
        file: An absolute path.
        task: What the images have to be annotated with; None: anything.
        objects: Whether label maps may be drawn from the masks of objects, if the file names none.

    Raises:
        UserError: The file is malformed, what it names is not there, or is annotated with something else.
    """
    content = _read(file)
    tasks = ('boxes',) if content is None else _tasks(content)
    if task and task not in tasks and not objects:
        needed = {
            'boxes': 'a detector needs boxes: name a COCO file as "annotations"',
            'label maps': 'a segmentor needs label maps: name their folder as "masks"',
        }
        raise UserError(f'{file} has {" and ".join(tasks)} of each split, but {needed[task]}')
    if content and (task or tasks[0]) in tasks:
        return {'boxes': BoxesFile, 'label maps': LabelMapsFile}[task or tasks[0]](file, content)
    found = BoxesFile(file, content) if content else Yolo.open_file(file)
    return found if task != 'label maps' else ObjectMasks(found)


class BoxesFile(DetectionFormat):
    """A COCO file and a folder of images for each split."""

    name = 'data file'
    expects = '`images` and `annotations`, a COCO file, of each split'
    tree = EXAMPLE
    signs: ClassVar[Mapping[str, str]] = {}

    def __init__(self, file: Path, content: _Content) -> None:
        super().__init__(Folder(file.parent))
        self._paths = content.splits
        self.splits = {split: _source(paths['annotations'], file) for split, paths in content.splits.items()}

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return False

    def read(self, split: str) -> Annotations:
        images, file = self._paths[split]['images'], self._paths[split]['annotations']
        if not holds_images(images):
            raise UserError(f'{images} holds no images, but is named as the folder of those of {file}')
        found = read_coco(_Images(images, file), file.name, split, ('.',), alone=True)
        return replace(undo_quirks(found, file.name), boundary=images)


class _Images(Folder):
    """A folder of images, with an annotation file that seems to lie in it."""

    def __init__(self, root: Path, file: Path) -> None:
        super().__init__(root)
        self._file = file

    def __truediv__(self, name: str) -> Path:
        return self._file if name == self._file.name else super().__truediv__(name)


class LabelMapsFile(SegmentationFormat):
    """A folder of label maps and a folder of images for each split, and the names of the classes.

    Without ``classes``, files tell the names as in a folder, or nothing does.
    """

    name = 'data file'
    expects = '`images` and `masks` of each split, and `classes`'
    tree = EXAMPLE_WITH_MASKS
    signs: ClassVar[Mapping[str, str]] = {}

    def __init__(self, file: Path, content: _Content) -> None:
        super().__init__(Folder(file.parent))
        self._file, self._paths, self._classes = file, content.splits, content.classes
        self.splits = {split: _source(paths['masks'], file) for split, paths in content.splits.items()}

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return False

    def read_label_names(self) -> LabelNames:
        return self._label_names

    def read(self, split: str, out_dir: Path) -> LabeledImages:
        folder, place = self._place(split)
        pairing = Pairing(folder, place)
        found = read_pairs(folder.root, place, pairing.pairs(), self._label_names.by_color)
        return LabeledImages(found.pairs, (*describe_spare(place.maps, pairing.spare), *found.notes))

    @cached_property
    def _label_names(self) -> LabelNames:
        if isinstance(self._classes, dict):
            return from_values(self._file, self._classes)
        places, maps = list[str](), list[Path]()
        for split, paths in self._paths.items():
            folder, place = self._place(split)
            places.append(str(paths['masks']))
            maps += [folder / name for name in Pairing(folder, place).map_of.values()]
        if self._classes:
            return from_list(self._file, self._classes, maps)
        return find_label_names(self.folder, places, [*map(str, maps)])

    def _place(self, split: str) -> tuple[Folder, Place]:
        """A folder that holds both folders of a split, and their paths in it."""
        paths = [self._paths[split][key] for key in ('images', 'masks')]
        root = Path(os.path.commonpath(paths))
        images, maps = ('' if path == root else path.relative_to(root).as_posix() for path in paths)
        return Folder(root), Place(images, maps)


def _tasks(content: _Content) -> tuple[Task, ...]:
    keys = next(iter(content.splits.values()))
    return tuple(task for task, key in (('boxes', 'annotations'), ('label maps', 'masks')) if key in keys)  # type: ignore[misc]


def _source(path: Path, file: Path) -> str:
    return path.relative_to(file.parent).as_posix() if path.is_relative_to(file.parent) else str(path)


def _read(file: Path) -> _Content | None:
    """What a data file says; None if it is one of Ultralytics'."""
    config = read_yaml(file)
    if not isinstance(config, dict):
        raise UserError(f'{file} must hold a table with {", ".join(NAMES)}, each {_FORM}')
    entries = {split: [key for key in names if config.get(key) is not None] for split, names in NAMES.items()}
    entries = {split: keys for split, keys in entries.items() if keys}
    if 'names' in config and not any(isinstance(config[key], dict) for keys in entries.values() for key in keys):
        return None
    _check_keys(config, {*_KEYS, *(name for names in NAMES.values() for name in names)}, _KEYS, f'{file}')
    if not entries:
        raise UserError(f'{file} names no split: it needs "train", and may have "val" and "test", each {_FORM}')
    splits = {}
    for split, keys in entries.items():
        if len(keys) > 1:
            raise UserError(f'{file} has {" and ".join(keys)}, which are both the split {split!r}: keep one')
        splits[split] = _read_split(config[keys[0]], file, keys[0])
    kinds = [paths.keys() for paths in splits.values()]
    if any(kind != kinds[0] for kind in kinds):
        said = '; '.join(f'{split} has {" and ".join(paths)}' for split, paths in splits.items())
        raise UserError(f'{file}: all splits must be annotated with the same, annotations or masks, but {said}')
    classes = config.get('classes')
    if classes is not None and 'masks' not in kinds[0]:
        raise UserError(f'{file}: "classes" names the values of masks; annotations name their classes themselves')
    return _Content(splits, None if classes is None else _read_classes(classes, file))


def _read_split(entry: object, file: Path, key: str) -> dict[str, Path]:
    if not isinstance(entry, dict):
        raise UserError(f'{file}: "{key}" is {short(entry)}, but must be {_FORM}{_YOLO * isinstance(entry, str)}')
    _check_keys(entry, _SPLIT_KEYS, _SPLIT_KEYS, f'{file}: "{key}"')
    if 'images' not in entry or len(entry) < 2:
        has = f'{" and ".join(entry)} only' if entry else 'nothing'
        raise UserError(f'{file}: "{key}" has {has}, but must be {_FORM}')
    paths = {}
    for name in _SPLIT_KEYS:
        if name not in entry:
            continue
        text = entry[name]
        if not isinstance(text, str) or not text or '\0' in text:
            raise UserError(f'{file}: "{name}" of "{key}" is {short(text)}, but must be one path')
        path = Path(os.path.abspath(file.parent / os.path.expanduser(text)))
        if foreign := explain_foreign(path):
            raise UserError(f'{file}: the {name} of "{key}" are not there: {foreign}')
        if not os.path.lexists(path):
            raise UserError(f'{file}: the {name} of "{key}" are not there: {explain_missing(path)}')
        if name == 'annotations' and path.is_dir():
            raise UserError(f'{file}: the annotations of "{key}" must be a COCO file, but {path} is a folder')
        if name != 'annotations' and not path.is_dir():
            raise UserError(f'{file}: the {name} of "{key}" must be a folder, but {path} is a file')
        paths[name] = path
    return paths


def _check_keys(entry: Mapping[object, object], known: object, shown: tuple[str, ...], where: str) -> None:
    for key in entry:
        if key not in known:  # type: ignore[operator]
            close = get_close_matches(str(key), shown, n=1)
            hint = f'; did you mean {close[0]}?' if close else ''
            raise UserError(f'{where} has the key {short(key)}; the keys are {", ".join(shown)}{hint}')


def _read_classes(classes: object, file: Path) -> dict[int, str] | list[str]:
    names = list(classes.values()) if isinstance(classes, dict) else classes
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise UserError(f'{file}: "classes" must be a list of names, or a table value: name, with names in quotes')
    if not 1 <= len(names) <= MAX_CLASSES:
        raise UserError(f'{file}: "classes" must name 1 to {MAX_CLASSES} classes, but names {len(names)}')
    if twice := next((name for name in names if names.count(name) > 1), None):
        raise UserError(f'{file}: "classes" has {short(twice)} more than once')
    if isinstance(classes, dict):
        if wrong := [key for key in classes if type(key) is not int or not 0 <= key <= _MAX_VALUE]:
            raise UserError(f'{file}: "classes" has the value {short(wrong[0])}; values are 0 to {_MAX_VALUE}')
        return classes
    return names
