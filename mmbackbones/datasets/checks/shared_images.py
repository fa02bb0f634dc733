"""Images of validation and test splits that are trained on as well: the same files, or copies of the same name."""

import filecmp
import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress

from ...utils.text import counted


class TrainedImages:
    """The images of a train split."""

    def __init__(self) -> None:
        self._paths: dict[str, set[str]] = defaultdict(set)  # name -> paths

    def add(self, paths: Iterable[str]) -> None:
        """Add images."""
        for path in paths:
            self._paths[os.path.basename(path)].add(path)

    def describe_shared(self, paths: Iterable[str], split: str, name: str) -> list[str]:
        """A note on those of a split that are among the images, if there are any.

        Args:
            paths: The images of the split.
            split: Its name.
            name: What the note calls its source.
        """
        paths = set(paths)
        shared = sorted(filter(self._holds, paths))
        if not shared:
            return []
        number = counted(len(paths), 'image')
        return [f'{name}: {len(shared)} of the {number} of {split} are trained on as well, such as {shared[0]}']

    def _holds(self, path: str) -> bool:
        known = self._paths.get(os.path.basename(path), set())
        return path in known or any(_is_copy(path, other) for other in known)


def _is_copy(path: str, other: str) -> bool:
    with suppress(OSError):
        return os.path.getsize(path) == os.path.getsize(other) and filecmp.cmp(path, other, shallow=False)
    return False
