"""Images by the ends of their paths, to find those that files name in part."""

import os
import re
from collections.abc import Callable, Iterator, Sequence
from unicodedata import normalize

from ..checks.images import SUFFIXES

MAX_PARTS = 8  # of a path, in comparing its end

Parts = tuple[str, ...]


class PathEnds:
    """Images by the ends of their paths, with and without suffix.

    Args:
        paths: Their paths.
        fold: Makes those spellings equal that are not told apart.
    """

    def __init__(self, paths: Sequence[str], fold: Callable[[str], str]) -> None:
        self.paths = set(paths)
        self.fold = fold
        self._by_end: dict[str, str | list[str]] = {}  # most are of one image
        for path in paths:
            stem = os.path.splitext(path)[0]
            for text in (path, stem) if without_suffix(stem) == stem else (path,):
                for end in list_ends(text):
                    key = fold(end)
                    if (found := self._by_end.setdefault(key, path)) is path:
                        continue
                    if isinstance(found, list):
                        found.append(path)
                    else:
                        self._by_end[key] = [found, path]

    def get(self, end: str) -> list[str]:
        """The images whose paths end so."""
        found = self._by_end.get(self.fold(end), [])
        return found if isinstance(found, list) else [found]

    def look_up(self, name: Parts, first: Parts, base: Parts) -> str | None:
        """The image that a name stands for if it begins with `first`, which stands for the folder `base`."""
        if name[: len(first)] != first:
            return None
        path = '/'.join((*base, *name[len(first) :]))
        if path in self.paths:
            return path
        ending = self.get('/'.join(path.split('/')[-MAX_PARTS:]))
        whole = self.fold(path)
        found = [item for item in ending if whole in (self.fold(item), self.fold(os.path.splitext(item)[0]))]
        return found[0] if len(found) == 1 else None


def split_path(name: str) -> Parts:
    """The parts of a path as any system writes it, without those that stand for the folder itself."""
    return tuple(part for part in re.split(r'[/\\]', name.strip()) if part not in ('', '.'))


def list_ends(path: str) -> Iterator[str]:
    """The last part of a path, the last two, and so on."""
    parts = path.split('/')[-MAX_PARTS:]
    return ('/'.join(parts[start:]) for start in range(len(parts) - 1, -1, -1))


def fold(text: str) -> str:
    """The same for names that differ in case, or in how their accents are stored, which is up to the system."""
    return normalize('NFC', text).casefold()


def without_suffix(name: str) -> str:
    """A path without the suffix of an image, if it has one."""
    stem, suffix = os.path.splitext(name)
    return stem if suffix.lower() in SUFFIXES else name


def stem_of(path: str) -> str:
    """The name of a file without folder and suffix."""
    return os.path.splitext(os.path.basename(path))[0]
