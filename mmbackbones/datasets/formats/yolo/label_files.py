"""Where the label file of each image is: in `labels/` where the image is in `images/`, or beside the image."""

import os
import posixpath
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from ....errors import UserError
from ....utils.files import list_files, read_bytes
from ...checks.images import SUFFIXES
from .rows import looks_like_labels

CLASS_FILES = ('classes.txt', 'obj.names', '_darknet.labels')  # class names, one per line, as tools call their file


class LabelFiles:
    """Label files in a folder, whose subfolders are listed once.

    Args:
        home: Folder that all names are relative to.
    """

    def __init__(self, home: Path) -> None:
        self.home = home
        self._names: dict[str, list[str]] = {}
        self._texts: dict[str, dict[str, str]] = {}
        self._stems: dict[str, set[str]] = {}
        self._places: dict[str, list[str]] = {}

    def find(self, image: str) -> str | None:
        """The label file of an image; None if there is none.

        Raises:
            UserError: There are several, which differ.
        """
        folder, name = posixpath.split(image)
        stem = posixpath.splitext(name)[0]
        found = [
            posixpath.join(place, texts[stem]) for place in self.places(folder) if stem in (texts := self._in(place))
        ]
        if len(found) > 1 and self._differ(*found[:2]):
            raise UserError(
                f'{self.home / image} has two label files, {found[0]} and {found[1]}, which differ: remove one'
            )
        return found[0] if found else None

    def places(self, folder: str) -> list[str]:
        """Folders that may hold the label files of the images in a folder; they need not exist."""
        if folder not in self._places:
            inner = [posixpath.join(folder, name) for name in self._labels_in(folder)]
            self._places[folder] = list(dict.fromkeys([*self._replaced(folder), folder, *inner]))
        return self._places[folder]

    def find_spare(self, used: Iterable[str], folders: Iterable[str]) -> list[str]:
        """Label files of no image, not even of one that the data set does not name.

        Args:
            used: Those that are an image's.
            folders: The folders of the images.
        """
        spare = set[str]()
        mirrors: dict[str, str] = {}  # labels/a -> images/a
        others = defaultdict[str, set[str]](set)  # any other place -> the stems of images that it may be of
        for folder in set(folders):
            for number, place in enumerate(self.places(folder)):
                if number == 0 and place != folder:
                    mirrors[place] = folder
                else:
                    others[place] |= self._image_stems(folder)
        for place, folder in mirrors.items():
            if not any(os.fspath(parent) in mirrors for parent in PurePosixPath(place).parents):
                for name in list_files(self.home / place, {'.txt'}):
                    below, stem = posixpath.split(posixpath.splitext(name)[0])
                    if stem not in self._image_stems(posixpath.join(folder, below).rstrip('/')):
                        spare.add(posixpath.join(place, name))
        for place, stems in others.items():
            spare.update(posixpath.join(place, name) for stem, name in self._in(place).items() if stem not in stems)
        names = sorted(name for name in spare.difference(used) if posixpath.basename(name).lower() not in CLASS_FILES)
        return [name for name in names if looks_like_labels(self.home / name)]

    def _replaced(self, folder: str) -> Iterator[str]:
        """``images/a/b`` -> ``labels/a/b``, ``labels/a`` and ``labels``: the last ``images`` counts.

        Where nothing is called so, what is beside the last ``labels`` counts, and ``a/b`` -> ``labels/a/b`` as well.
        """
        parts = folder.split('/')
        called = [index for index, part in enumerate(parts) if part.lower() == 'images']
        beside = (
            [index for index in range(len(parts)) if self._labels_in('/'.join(parts[:index]))] if not called else []
        )
        for index in (called or beside)[-1:]:
            parent, ends = '/'.join(parts[:index]), [parts[index + 1 :]]
            if beside:
                ends.append(parts[index:])
            for name in self._labels_in(parent) or ['labels']:
                for end in ends:
                    yield from (posixpath.join(parent, name, *end[:size]) for size in range(len(end), -1, -1))

    def _labels_in(self, folder: str) -> list[str]:
        return [name for name in self._list(folder) if name.lower() == 'labels']

    def _list(self, folder: str) -> list[str]:
        if folder not in self._names:
            try:
                self._names[folder] = sorted(os.listdir(self.home / folder))
            except OSError:  # what cannot be listed holds nothing
                self._names[folder] = []
        return self._names[folder]

    def _in(self, folder: str) -> dict[str, str]:
        """Stem -> name of the text files in a folder; `a.txt` comes before `a.TXT`."""
        if folder not in self._texts:
            split = [posixpath.splitext(name) for name in self._list(folder)]
            self._texts[folder] = {
                stem: stem + suffix for stem, suffix in split if suffix.lower() == '.txt' and stem[0] != '.'
            }
        return self._texts[folder]

    def _image_stems(self, folder: str) -> set[str]:
        if folder not in self._stems:
            split = map(posixpath.splitext, self._list(folder))
            self._stems[folder] = {stem for stem, suffix in split if suffix.lower() in SUFFIXES}
        return self._stems[folder]

    def _differ(self, first: str, second: str) -> bool:
        try:
            return read_bytes(self.home / first) != read_bytes(self.home / second)
        except OSError:
            return True
