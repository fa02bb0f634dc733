"""A data folder, whose listings are made once for all formats that look at it."""

import os
from collections import defaultdict
from collections.abc import Container
from fnmatch import fnmatchcase
from pathlib import Path

from ...utils.files import is_folder, list_files


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
        self._listed: dict[str, tuple[list[str], list[str]]] = {}
        self._walked: dict[str, dict[str, list[str]]] = {}  # place -> suffix in lower case -> files

    def __truediv__(self, name: str) -> Path:
        return self.root / name

    def files(self, place: str = '', pattern: str = '*') -> list[str]:
        """Paths of what is no folder in `place`, sorted; broken links and pipes are among them, for their reader.

        Args:
            place: A folder; one that does not exist holds nothing.
            pattern: Shell pattern of the names, in any case.
        """
        return [_join(place, name) for name in self._list(place)[0] if fnmatchcase(name.lower(), pattern.lower())]

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

    def _list(self, place: str) -> tuple[list[str], list[str]]:
        """Names of what is no folder, and of the folders, in `place`."""
        if place not in self._listed:
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
            self._listed[place] = sorted(files), sorted(folders)
        return self._listed[place]

    def _walk(self, place: str) -> dict[str, list[str]]:
        if place not in self._walked:
            kinds: dict[str, list[str]] = defaultdict(list)
            for name in self._list_all(place):
                kinds[os.path.splitext(name)[1].lower()].append(name)
            self._walked[place] = kinds
        return self._walked[place]

    def _list_all(self, place: str) -> list[str]:
        """Paths, relative to `place`, of the files in it and its subfolders, sorted."""
        return list_files(self.root / place, _Everything(), self.closed)


class _Everything:
    def __contains__(self, _: object) -> bool:
        return True


def _join(place: str, name: str) -> str:
    return f'{place}/{name}' if place else name
