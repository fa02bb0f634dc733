"""The images in a data folder, to find those that annotation files mean by a name that may be out of date."""

import os
from collections import defaultdict
from pathlib import PureWindowsPath

from ..checks.images import SUFFIXES
from .folder import Folder
from .split_names import split_of


class ImageIndex:
    """All images in a folder and its subfolders.

    Attributes:
        files: Their paths, relative to the folder, sorted.
    """

    def __init__(self, folder: Folder) -> None:
        self.files = folder.walk('', SUFFIXES)
        self._known = set(self.files)
        self._by_name: dict[str, list[str]] = defaultdict(list)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        for file in self.files:
            self._by_name[os.path.basename(file)].append(file)
            self._by_stem[stem_of(file)].append(file)

    def find(self, place: str, named: str, stem: str | None = None) -> list[str]:
        """The image that an annotation file means; several, if it may be any of them; none, if there is none.

        What lies beside the file counts more than what lies elsewhere, and the file's own name more than `named`.

        Args:
            place: Folder of the annotation file.
            named: Name or path of the image as the annotations give it, possibly of another folder or computer.
            stem: Name of the annotation file without suffix, if it has that of the image.
        """
        path = PureWindowsPath(named).as_posix()
        name = os.path.basename(path)
        of_stem = self._by_stem.get(stem, []) if stem else []
        of_name = self._by_name.get(name, [])
        stated = os.path.normpath(os.path.join(place, path))
        for found in (
            [file for file in of_stem if os.path.dirname(file) == place],
            [stated] if stated in self._known else [],
            [file for file in of_name if os.path.dirname(file) == place],
            _nearest(place, of_stem),
            _nearest(place, of_name),
        ):
            if found:
                return [file for file in found if os.path.basename(file) == name] or found
        return []


def stem_of(file: str) -> str:
    """The name of a file without folder and suffix."""
    return os.path.splitext(os.path.basename(file))[0]


def split_of_place(place: str) -> str | None:
    """The split that a folder is of: that of the first part of its path that is a usual name of one."""
    return next(filter(None, map(split_of, place.split('/'))), None)


def _nearest(place: str, files: list[str]) -> list[str]:
    """Of images in other folders, those in one like `place` with another name, or else those of the same split."""
    if len(files) < 2:
        return files
    mirrored = [file for file in files if _is_mirrored(place, os.path.dirname(file))]
    of_split = [file for file in files if split_of_place(os.path.dirname(file)) == split_of_place(place)]
    return mirrored or of_split or files


def _is_mirrored(place: str, other: str) -> bool:
    """Whether two paths differ in a single part, as ``labels/train`` and ``images/train`` do."""
    parts, others = place.split('/'), other.split('/')
    return len(parts) == len(others) and sum(map(str.__ne__, parts, others)) == 1
