"""What a folder in no known format holds, by kind of file: a bounded look, because it may be any folder."""

import os
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from ...errors import printable
from ...utils.files import is_folder, is_regular
from ...utils.text import counted
from ..checks.image_memory import open_image
from ..checks.images import SUFFIXES
from .folder import Folder
from .json_kind import json_kind

MAX_ENTRIES = 50_000  # that are looked at in all
MAX_PER_FOLDER = 10_000  # so that one folder of images does not hide the others
MANY = 20  # files of a folder; of more, only some are opened to tell the kind of all of them:
SAMPLES = 3
MAX_GLANCED = 5_000  # entries that are looked at in a folder that the user did not name
MAX_SUFFIXES = 4  # in a message
MAX_LABELS = 64  # different values of a gray image that may still be a label map
MAX_PIXELS = 1 << 24  # of an image that is decoded for it

ARCHIVES = ('.zip', '.tar', '.tgz', '.tar.gz', '.tar.bz2', '.tar.xz', '.7z', '.rar')
IMAGE, LABEL_MAP, ARCHIVE = 'image', 'label map', 'archive'
COCO, LABELME, YOLO, XML, CSV = 'COCO file', 'labelme file', 'YOLO label file', 'XML file', 'CSV file'
OTHER_JSON, TEXT, YAML, OTHER = 'other JSON file', 'text file', 'YAML file', 'other file'
# In the order in which they are told.
KINDS = (IMAGE, LABEL_MAP, COCO, LABELME, YOLO, XML, CSV, OTHER_JSON, YAML, TEXT, ARCHIVE, OTHER)
ANNOTATIONS = (LABEL_MAP, COCO, LABELME, YOLO, XML, CSV)

_LABEL_MAP_NAME = re.compile(r'(^|[^a-z])(masks?|labels?|annotations?|gt|seg\w*|l)$', re.IGNORECASE)
_YOLO_ROW = re.compile(rb'\s*\d+(\s+[\d.eE+-]+){4,}\s*(\n|\r|$)')


@dataclass(frozen=True)
class Census:
    """The files and folders in a folder.

    Attributes:
        files: Kind, one of `KINDS` -> paths of the files, relative to the folder; a kind without files is left out.
        folders: Paths of the folders.
        complete: Whether all files are among them.
    """

    files: dict[str, list[str]]
    folders: list[str]
    complete: bool

    def has(self, pattern: str) -> bool:
        """Whether there is a file that a pattern of :meth:`~pathlib.Path.glob` fits; a folder if it ends in ``/``."""
        fits = _translate(pattern).fullmatch
        paths = self.folders if pattern.endswith('/') else (name for names in self.files.values() for name in names)
        return any(map(fits, paths))

    def describe(self) -> str:
        """Number of files of each kind in words."""
        counts = [counted(len(self.files[kind]), kind) for kind in KINDS if kind in self.files]
        if suffixes := sorted({os.path.splitext(name)[1].lower() for name in self.files.get(OTHER, ())} - {''}):
            counts[-1] += f' ({printable(", ".join([*suffixes[:MAX_SUFFIXES], "..."][: len(suffixes)]))})'
        counts = counts or ['no files']
        return f'{"" if self.complete else "at least "}{", ".join(counts)}'


def take_census(root: Path) -> Census:
    """List what is in `root`, as far as `MAX_ENTRIES` and `MAX_PER_FOLDER` let; hidden files are left out."""
    files, folders, complete = _list_all(root, MAX_ENTRIES)
    kinds = defaultdict[str, list[str]](list)
    for (kind, _), names in _group(files).items():
        for alike in [[name] for name in names] if len(names) <= MANY else [names]:
            kinds[_TELL[kind](root, alike) if kind in _TELL else kind] += alike
    return Census({kind: sorted(names) for kind, names in kinds.items()}, folders, complete)


def holds_images(root: Path) -> bool:
    """Whether there is an image in `root` or its subfolders, as far as a census would look."""
    waiting, looked = [root], 0
    for place in waiting:
        for entry in _scan(place):
            looked += 1
            if is_folder(entry):
                waiting.append(Path(entry.path))
            elif kind_by_name(entry.name) == IMAGE:
                return True
            if looked > MAX_GLANCED:
                return True  # perhaps
    return False


class Glance(Folder):
    """A folder that is listed in part, if it is large, to try formats on what the user did not name."""

    def _scan(self, place: str) -> tuple[list[str], list[str]]:
        files, folders = list[str](), list[str]()
        for entry in islice(_scan(self.root / place), MAX_GLANCED):
            (folders if is_folder(entry) else files).append(entry.name)
        return files, folders

    def _group(self, place: str) -> dict[str, list[str]]:
        kinds = defaultdict[str, list[str]](list)
        for name in _list_all(self.root / place, MAX_GLANCED)[0]:
            kinds[os.path.splitext(name)[1].lower()].append(name)
        return kinds


def kind_by_name(name: str) -> str:
    """The kind of a file, as far as its name tells."""
    lower = name.lower()
    if lower.endswith(ARCHIVES):
        return ARCHIVE
    suffix = os.path.splitext(lower)[1]
    return IMAGE if suffix in SUFFIXES else _BY_SUFFIX.get(suffix, OTHER)


_BY_SUFFIX = {'.json': OTHER_JSON, '.xml': XML, '.csv': CSV, '.yaml': YAML, '.yml': YAML, '.txt': TEXT}


def _list_all(root: Path, most: int) -> tuple[list[str], list[str], bool]:
    """Files and folders below `root`, those of upper levels first; whether these are all."""
    files, folders = list[str](), list[str]()
    waiting, seen, complete = [''], set[tuple[int, int]](), True
    for place in waiting:
        with suppress(OSError):
            state = os.stat(root / place)
            if (state.st_dev, state.st_ino) in seen:  # a link to a folder above
                continue
            seen.add((state.st_dev, state.st_ino))
        entries = list(_scan(root / place))
        left = most - len(files) - len(folders)
        if len(entries) > min(MAX_PER_FOLDER, left):
            entries, complete = entries[: min(MAX_PER_FOLDER, left)], False
        for entry in entries:
            path = f'{place}/{entry.name}' if place else entry.name
            if is_folder(entry):
                folders.append(path)
                waiting.append(path)
            else:
                files.append(path)
    return files, sorted(folders), complete


def _scan(place: Path) -> Iterator[os.DirEntry[str]]:
    """What is in a folder: one more than `MAX_PER_FOLDER` at most."""
    with suppress(OSError), os.scandir(place) as entries:
        yield from islice((entry for entry in entries if not entry.name.startswith('.')), MAX_PER_FOLDER + 1)


def _group(files: list[str]) -> dict[tuple[str, str], list[str]]:
    """Files that are alike: of one kind by name, in one folder, and for PNGs with the same word at the end."""
    groups = defaultdict[tuple[str, str], list[str]](list)
    for path in sorted(files):
        folder, name = os.path.split(path)
        kind, stem = kind_by_name(name), os.path.splitext(name)[0]
        word = match[2] if (match := _LABEL_MAP_NAME.search(stem)) else ''
        is_png = kind == IMAGE and name.lower().endswith('.png')
        groups[kind, f'{folder}/{word}.png' if is_png else folder].append(path)
    return groups


def _tell_images(root: Path, names: list[str]) -> str:
    if not names[0].lower().endswith('.png'):
        return IMAGE
    stem = os.path.splitext(names[0])[0]
    named = any(map(_LABEL_MAP_NAME.search, [stem, *Path(stem).parts[:-1]]))
    return LABEL_MAP if named or _all(names, lambda name: _has_few_values(root / name)) else IMAGE


def _tell_json(root: Path, names: list[str]) -> str:
    kinds = {json_kind(root / name) for name in names[:SAMPLES]}
    return {'COCO': COCO, 'labelme': LABELME}.get(str(kinds.pop()), OTHER_JSON) if len(kinds) == 1 else OTHER_JSON


def _tell_text(root: Path, names: list[str]) -> str:
    return YOLO if any(_is_yolo(root / name) for name in names[:SAMPLES]) else TEXT


_TELL: dict[str, Callable[[Path, list[str]], str]] = {
    IMAGE: _tell_images,
    OTHER_JSON: _tell_json,
    TEXT: _tell_text,
}


def _all(names: list[str], holds: Callable[[str], bool]) -> bool:
    return all(holds(name) for name in names[:SAMPLES])


def _has_few_values(path: Path) -> bool:
    """Whether an image has one channel with few values, as label maps have."""
    try:
        if not is_regular(path):
            return False
        with open_image(path) as image:
            if image.mode not in ('1', 'L', 'P', 'I', 'I;16', 'I;16B') or image.width * image.height > MAX_PIXELS:
                return False
            return len(np.unique(np.array(image))) <= MAX_LABELS
    except Exception:  # a decoder may raise anything, and this is only a look
        return False


def _is_yolo(path: Path) -> bool:
    return bool(_YOLO_ROW.match(read_head(path, 500)))


def read_head(path: Path, size: int) -> bytes:
    """The first bytes of a file; none if it cannot be read."""
    try:
        if is_regular(path):
            with path.open('rb') as stream:
                return stream.read(size)
    except (OSError, ValueError):
        pass
    return b''


def _translate(pattern: str) -> re.Pattern[str]:
    """A pattern of :meth:`pathlib.Path.glob` as a regular expression for a path with slashes, in any case.

    ``.jpg`` stands for all suffixes of images.
    """
    parts = re.findall(r'\*\*/|\*\*|\*|\?|\[[^]]+\]|[^*?\[]+', pattern.rstrip('/'))
    known = {'**/': '(?:.*/)?', '**': '.*', '*': '[^/]*', '?': '[^/]'}
    text = ''.join(known.get(part) or (part if part[0] == '[' else re.escape(part)) for part in parts)
    text = re.sub(r'\\\.jpg$', rf'\\.({"|".join(suffix[1:] for suffix in sorted(SUFFIXES))})', text)
    return re.compile(text, re.IGNORECASE)
