"""Where the label file of each image is: in `labels/` where the image is in `images/`, or beside the image."""

import os
import posixpath
from collections.abc import Iterable, Iterator
from pathlib import Path

from ...errors import UserError
from ...utils.files import list_files, read_bytes
from .yolo_rows import looks_like_labels

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
        self._places: dict[str, list[str]] = {}

    def find(self, image: str) -> str | None:
        """The label file of an image; None if there is none.

        Raises:
            UserError: There are several, which differ.
        """
        folder, name = posixpath.split(image)
        stem = os.path.splitext(name)[0]
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
            inner = [posixpath.join(folder, name) for name in self._list(folder) if name.lower() == 'labels']
            self._places[folder] = list(dict.fromkeys([*self._replaced(folder), folder, *inner]))
        return self._places[folder]

    def find_spare(self, used: Iterable[str], folders: Iterable[str]) -> list[str]:
        """Label files of no image.

        Args:
            used: Those that are an image's.
            folders: The folders of the images.
        """
        places = {place for folder in set(folders) for place in self.places(folder)}
        beside = set(folders)
        existing = {posixpath.join(place, name) for place in places & beside for name in self._in(place).values()}
        for place in places - beside:
            if not any(os.fspath(parent) in places - beside for parent in Path(place).parents):
                existing |= {posixpath.join(place, name) for name in list_files(self.home / place, {'.txt'})}
        spare = sorted(name for name in existing.difference(used) if os.path.basename(name).lower() not in CLASS_FILES)
        return [name for name in spare if looks_like_labels(self.home / name)]

    def _replaced(self, folder: str) -> Iterator[str]:
        """``a/images/b`` -> ``a/labels/b``: the last ``images`` counts."""
        parts = folder.split('/')
        for index in reversed(range(len(parts))):
            if parts[index].lower() == 'images':
                parent = '/'.join(parts[:index])
                names = [name for name in self._list(parent) if name.lower() == 'labels']
                yield from ('/'.join([*parts[:index], name, *parts[index + 1 :]]) for name in names or ['labels'])
                return

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
            split = [os.path.splitext(name) for name in self._list(folder)]
            self._texts[folder] = {
                stem: stem + suffix for stem, suffix in split if suffix.lower() == '.txt' and stem[0] != '.'
            }
        return self._texts[folder]

    def _differ(self, first: str, second: str) -> bool:
        try:
            return read_bytes(self.home / first) != read_bytes(self.home / second)
        except OSError:
            return True
