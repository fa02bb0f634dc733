"""Where the images are that a file names, whose paths were written on another computer, or are names alone."""

import os
import re
from collections import defaultdict
from collections.abc import Sequence

from ...errors import UserError
from ..checks.images import SUFFIXES
from .folder import Folder
from .split_names import split_of

_IMAGE_FOLDERS = {'images', 'image', 'imgs', 'img', 'jpegimages', 'photos', 'pictures', 'data'}
_SAMPLED = 200  # names that tell the folder, and places that are compared

Parts = tuple[str, ...]


class ImageFinder:
    """Finds images by their names.

    One rule serves all names of a file: what they begin with stands for one folder in the data folder. So a name never
    leads to the image of the same name that belongs to another.

    Args:
        folder: The data folder.
    """

    def __init__(self, folder: Folder) -> None:
        self._root = folder.root
        self._paths = set(folder.walk('', SUFFIXES))
        self._by_stem: dict[str, list[str]] = defaultdict(list)  # path without suffix -> paths
        self._by_name: dict[str, list[str]] = defaultdict(list)  # name with or without suffix -> paths
        for path in sorted(self._paths):
            stem, name = os.path.splitext(path)[0], os.path.basename(path)
            self._by_stem[stem].append(path)
            self._by_name[name].append(path)
            self._by_name[os.path.splitext(name)[0]].append(path)

    @property
    def paths(self) -> list[str]:
        """All images, sorted."""
        return sorted(self._paths)

    def find(self, names: Sequence[str], source: str, split: str = '') -> list[str]:
        """Find images.

        Args:
            names: Their names, with or without folders and suffixes.
            source: What holds the names, for messages.
            split: The split that they are, which decides where several folders hold images of these names.

        Returns:
            Path of each, relative to the data folder.

        Raises:
            UserError: Images are missing, or several folders could be meant.
        """
        parts = {name: _split_path(name) for name in names}
        first, base = self._find_place(list(parts.values()), source, split)
        found = {name: self._look_up(item, first, base) for name, item in parts.items()}
        for name, item in parts.items():
            if not found[name] and len(item) == 1:  # images in many folders, of which only the names are given
                places = [path for path in self._by_name.get(item[0], ()) if _may_be_of(path, split)]
                found[name] = places[0] if len(places) == 1 else None
        if missing := [name for name, path in found.items() if not path]:
            raise UserError(
                f'{source}: the image {missing[0]!r} is not in {self._root}; {len(missing)} of its {len(found)} images '
                f'{"is" if len(missing) == 1 else "are"} missing'
            )
        return [path for name in names if (path := found[name])]

    def _find_place(self, names: list[Parts], source: str, split: str) -> tuple[Parts, Parts]:
        """What names begin with, and the folder that this stands for."""
        sample = names[:: max(1, len(names) // _SAMPLED)]
        places: dict[tuple[Parts, Parts], None] = {}
        for name in filter(None, sample[:3]):
            for path in self._by_name.get(name[-1], ())[:_SAMPLED]:
                first, base = name[:-1], tuple(path.split('/')[:-1])
                places[first, base] = None
                while first and base and first[-1] == base[-1]:
                    first, base = first[:-1], base[:-1]
                    places[first, base] = None

        def rank(place: tuple[Parts, Parts]) -> tuple[int, bool, int, bool]:
            first, base = place
            of_split = any(split_of(part) == split for part in base)
            of_images = any(part.lower() in _IMAGE_FOLDERS for part in base)
            found = sum(bool(self._look_up(name, first, base)) for name in sample)
            return -len(first), of_split, found, of_images  # the more of a name agrees, the surer

        ranks = {place: rank(place) for place in places}
        highest = max(ranks.values(), default=None)
        best = [place for place in places if ranks[place] == highest]
        targets = {self._look_up(name, *place): place for place in best for name in sample[:1]}
        if len(targets) > 1:
            folders = ' and '.join(sorted({f'{"/".join(base) or "."}/' for _, base in targets.values()})[:2])
            raise UserError(f'{source}: images of the same names are in {folders} of {self._root}: keep one of them')
        return best[0] if best else ((), ())

    def _look_up(self, name: Parts, first: Parts, base: Parts) -> str | None:
        if name[: len(first)] != first:
            return None
        path = '/'.join((*base, *name[len(first) :]))
        if path in self._paths:
            return path
        found = self._by_stem.get(path, ())
        return found[0] if len(found) == 1 else None


def _may_be_of(path: str, split: str) -> bool:
    """Whether an image is in no folder of another split."""
    splits = set(map(split_of, path.split('/')[:-1])) - {None}
    return not split or not splits or split in splits


def _split_path(name: str) -> Parts:
    return tuple(part for part in re.split(r'[/\\]', name.strip()) if part not in ('', '.'))
