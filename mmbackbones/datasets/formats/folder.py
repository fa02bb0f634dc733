"""A data folder, whose listings are made once for all formats that look at it."""

import os
from collections import defaultdict
from collections.abc import Container
from fnmatch import fnmatchcase
from pathlib import Path

from ...utils.files import group_files, is_folder

_BySuffix = dict[str, list[str]]  # suffix in lower case with its dot, or '' -> names


class Folder:
    """A folder and what it holds by name; names that begin with a dot are left out.

    All paths are relative to the folder and have slashes; ``''`` is the folder itself. What is listed once is not
    listed again, so an object should live no longer than one search for a format.

    Args:
        root: An absolute path.

    Attributes:
        closed: Folders that may not be listed, of those that were looked into: absolute paths.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.closed: list[str] = []
        self._listed: dict[str, tuple[_BySuffix, list[str]]] = {}
        self._walked: dict[str, _BySuffix] = {}

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    def files(self, place: str = '', pattern: str = '*') -> list[str]:
        """Paths of what is no folder in `place`, sorted; broken links and pipes are among them, for their reader.

        Args:
            place: A folder; one that does not exist holds nothing.
            pattern: ``*``, or a shell pattern of the names that ends in a suffix, in any case.
        """
        stem, suffix = os.path.splitext(pattern.lower())
        kinds, _ = self._list(place)
        names = kinds.get(suffix, []) if suffix else sorted(name for alike in kinds.values() for name in alike)
        if stem != '*':
            names = [name for name in names if fnmatchcase(name.lower(), pattern.lower())]
        return [_join(place, name) for name in names]

    def folders(self, place: str = '') -> list[str]:
        """Paths of the folders in `place`, sorted."""
        return [_join(place, name) for name in self._list(place)[1]]

    def has_folder(self, place: str) -> bool:
        """Whether `place` is a folder."""
        return (self.root / place).is_dir()

    def has_file(self, name: str) -> bool:
        """Whether there is a file, or a link, of this name."""
        return os.path.lexists(self.root / name) and not (self.root / name).is_dir()

    def walk(self, place: str, suffixes: Container[str]) -> list[str]:
        """Paths of the files in `place` and its subfolders, see :func:`~mmbackbones.utils.files.list_files`.

        Args:
            place: A folder.
            suffixes: Suffixes of the files, in lower case with their dot.
        """
        kinds = self._walk(place)
        found = [name for suffix, names in kinds.items() if suffix in suffixes for name in names]
        return [_join(place, name) for name in sorted(found)]

    def _list(self, place: str) -> tuple[_BySuffix, list[str]]:
        """Names of what is no folder, by suffix, and of the folders, in `place`."""
        if place not in self._listed:
            files, folders = self._scan(place)
            kinds: _BySuffix = defaultdict(list)
            for name in sorted(files):
                kinds[os.path.splitext(name)[1].lower()].append(name)
            self._listed[place] = kinds, sorted(folders)
        return self._listed[place]

    def _scan(self, place: str) -> tuple[list[str], list[str]]:
        """Names of what is no folder, and of the folders, in `place`."""
        files, folders = list[str](), list[str]()
        try:
            with os.scandir(self.root / place) as entries:
                for entry in entries:
                    if not entry.name.startswith('.'):
                        (folders if is_folder(entry) else files).append(entry.name)
        except PermissionError:
            self.closed.append(os.path.join(self.root, place))
        except OSError:  # what cannot be listed holds nothing
            pass
        return files, folders

    def _walk(self, place: str) -> _BySuffix:
        if place not in self._walked:
            self._walked[place] = self._group(place)
        return self._walked[place]

    def _group(self, place: str) -> _BySuffix:
        """Paths, relative to `place`, of the files in it and its subfolders, by suffix."""
        return group_files(self.root / place, self.closed)


def _join(place: str, name: str) -> str:
    return f'{place}/{name}' if place else name
