"""The images in a data folder, to find those that JSON files of their name belong to, or name."""

import os
from collections import defaultdict
from collections.abc import Iterator
from functools import cached_property
from pathlib import PureWindowsPath

from ...checks.images import SUFFIXES
from ..folder import Folder
from ..path_ends import stem_of
from ..split_names import split_of_place


class ImageIndex:
    """All images in a folder and its subfolders.

    Attributes:
        files: Their paths, relative to the folder, sorted.
    """

    def __init__(self, folder: Folder) -> None:
        self.files = folder.walk('', SUFFIXES)
        self._known = set(self.files)
        self._by_stem: dict[str, list[str]] = defaultdict(list)
        self._by_place: dict[tuple[str, str], list[str]] = defaultdict(list)
        for file in self.files:
            stem = stem_of(file)
            self._by_stem[stem].append(file)
            self._by_place[os.path.dirname(file), stem].append(file)

    def find(self, place: str, named: str, stem: str) -> list[str]:
        """The image that an annotation file means; several, if it may be any of them; none, if there is none.

        What lies beside the file counts more than what lies elsewhere, and the file's own name more than `named`.

        Args:
            place: Folder of the annotation file.
            named: Name or path of the image as the annotations give it, possibly of another folder or computer.
            stem: Name of the annotation file without suffix, which usually is that of the image.
        """
        path = PureWindowsPath(named).as_posix()
        name = os.path.basename(path)
        stated = os.path.normpath(os.path.join(place, path))
        found = (
            self._by_place.get((place, stem))
            or [file for file in (stated, os.path.join(place, name)) if file in self._known][:1]
            or self._find_elsewhere(place, stem)
            or [file for file in self._find_elsewhere(place, stem_of(name)) if os.path.basename(file) == name]
        )
        return [file for file in found if os.path.basename(file) == name] or found

    def _find_elsewhere(self, place: str, stem: str) -> list[str]:
        """Of images in other folders, those in one like `place` with another name, or else those of the same split."""
        files = self._by_stem.get(stem, [])
        if len(files) < 2:
            return files
        mirrored = [file for parts in _masked(place) for file in self._mirrored.get((stem, parts), ())]
        return mirrored or self._of_split.get((stem, split_of_place(place)), files)

    @cached_property
    def _mirrored(self) -> dict[tuple[str, tuple[str | None, ...]], list[str]]:
        """Images whose stem is not unique: by stem and parts of their folder, one of which is left out."""
        found = defaultdict(list)
        for stem, files in self._by_stem.items():
            for file in files if len(files) > 1 else ():
                for parts in _masked(os.path.dirname(file)):
                    found[stem, parts].append(file)
        return found

    @cached_property
    def _of_split(self) -> dict[tuple[str, str | None], list[str]]:
        """Images whose stem is not unique: by stem and split of their folder."""
        found = defaultdict(list)
        for stem, files in self._by_stem.items():
            for file in files if len(files) > 1 else ():
                found[stem, split_of_place(os.path.dirname(file))].append(file)
        return found


def _masked(place: str) -> Iterator[tuple[str | None, ...]]:
    """The parts of a path, each in turn left out: those of ``labels/train`` and ``images/train`` have one in common."""
    parts = place.split('/')
    for number in range(len(parts)):
        yield (*parts[:number], None, *parts[number + 1 :])
