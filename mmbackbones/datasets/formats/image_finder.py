"""Where the images are that a file names, whose paths were written on another computer, or are names alone.

The same rules hold for every format. An image at the path as it is comes first, then the one that shares most of the
last parts of the path. The escapes of URLs and another spelling, in upper and lower case or in how accents are stored,
count only if nothing else is found. What may be several images is none, and backslashes are slashes.
"""

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from urllib.parse import unquote

from ...errors import UserError
from ...utils.text import advise_on_missing, short
from .path_ends import Parts, PathEnds, fold, list_ends, split_path, without_suffix
from .split_names import split_of

_IMAGE_FOLDERS = {'images', 'image', 'imgs', 'img', 'jpegimages', 'photos', 'pictures', 'data'}
_TELLING = 3  # names whose images may be in the folder
_SAMPLED = 200  # names that are looked for in each of these folders


@dataclass(frozen=True)
class Found:
    """The images that names stand for.

    Attributes:
        paths: Name -> path of its image; names without one are left out.
        notes: What the user should know, one line each.
    """

    paths: dict[str, str]
    notes: tuple[str, ...] = ()


class ImageFinder:
    """Finds images by their names.

    Args:
        root: The data folder.
        images: Paths of the images that may be meant, relative to `root`.
    """

    def __init__(self, root: Path, images: Iterable[str]) -> None:
        self._root = root
        self._images = sorted(images)

    def find_one(self, name: str, any_suffix: bool = False) -> list[str]:
        """The image that a single name stands for: none, if there is none; two, if it may be several.

        Args:
            name: A name, path or URL, with or without suffix.
            any_suffix: Whether the suffix in the name may be another one, as that of a label map.
        """
        texts = [text for text in _readings(name) if text]
        for text in texts:
            if text in self._exact.paths:
                return [text]
        for index in self._indexes():
            for text in texts:
                for end in reversed(list(list_ends(text))):
                    if found := index.get(end) or (any_suffix and index.get(without_suffix(end))):
                        return found[:2]
        return []

    def find(self, names: Sequence[str], source: str, split: str = '') -> Found:
        """Find the images of a file.

        One rule serves all its names: what they begin with stands for one folder. So a name never leads to the image
        of the same name that belongs to another.

        Args:
            names: The names, with or without folders and suffixes.
            source: What holds them, for messages.
            split: The split that they are, which decides where several folders hold images of these names.

        Raises:
            UserError: Several folders could be meant.
        """
        first = self._find_all(self._exact, names, str, source, split)
        if len(first.paths) == len(set(names)):
            return first
        for index in self._indexes():
            found = self._find_all(index, names, unquote, source, split)
            if len(found.paths) == len(set(names)) == len(set(found.paths.values())):
                name, path = next((name, path) for name, path in found.paths.items() if first.paths.get(name) != path)
                note = f'{source}: names of images are spelled otherwise there, such as {short(name)} for {path}'
                return Found(found.paths, (note, *found.notes))
        return first

    def find_each(self, names: Sequence[str], source: str, split: str = '') -> tuple[list[str], list[str]]:
        """Find the image of each name, see :meth:`find`.

        Returns:
            Path of each, relative to the data folder, and notes for the user.

        Raises:
            UserError: Images are missing, or several folders could be meant.
        """
        found = self.find(names, source, split)
        distinct = dict.fromkeys(names)
        if missing := [name for name in distinct if name not in found.paths]:
            raise UserError(
                f'{source}: the image {short(missing[0])} is not in {self._root}; {len(missing)} of its '
                f'{len(distinct)} images {"is" if len(missing) == 1 else "are"} missing: '
                f'{advise_on_missing(len(missing))}'
            )
        return [found.paths[name] for name in names], list(found.notes)

    def _indexes(self) -> Iterator[PathEnds]:
        yield self._exact
        yield self._folded

    @cached_property
    def _exact(self) -> PathEnds:
        return PathEnds(self._images, str)

    @cached_property
    def _folded(self) -> PathEnds:
        return PathEnds(self._images, fold)

    def _find_all(
        self, index: PathEnds, names: Sequence[str], read: Callable[[str], str], source: str, split: str
    ) -> Found:
        parts = {name: split_path(read(name)) for name in names}
        first, base = self._find_place(index, list(parts.values()), source, split)
        found = {name: path for name, item in parts.items() if (path := index.look_up(item, first, base))}
        moved = next(iter(found), None) if first else None
        for name, item in parts.items():
            if name not in found and len(item) == 1:  # images in many folders, of which only the names are given
                places = [path for path in index.get(item[0]) if _may_be_of(path, split)]
                if len(places) == 1:
                    found[name] = places[0]
        if moved is None or first == ('data',):  # where darknet and CVAT expect the folder to be
            return Found(found)
        rest = '/'.join(parts[moved][len(first) :])
        old = read(moved).strip().replace('\\', '/').removesuffix(rest)
        there = self._root.joinpath(*base)
        return Found(found, (f'{os.path.basename(source)}: images listed in {old} were found in {there}',))

    def _find_place(self, index: PathEnds, names: list[Parts], source: str, split: str) -> tuple[Parts, Parts]:
        """What names begin with, and the folder that this stands for."""
        sample = names[:: max(1, len(names) // _SAMPLED)]
        places: dict[tuple[Parts, Parts], None] = {}
        for name in filter(None, sample[:_TELLING]):
            for path in index.get(name[-1])[:_SAMPLED]:
                first, base = name[:-1], tuple(path.split('/')[:-1])
                places[first, base] = None
                while first and base and index.fold(first[-1]) == index.fold(base[-1]):
                    first, base = first[:-1], base[:-1]
                    places[first, base] = None

        def rank(place: tuple[Parts, Parts]) -> tuple[int, bool, int, bool]:
            first, base = place
            of_split = any(split_of(part) == split for part in base)
            of_images = any(part.lower() in _IMAGE_FOLDERS for part in base)
            found = sum(bool(index.look_up(name, first, base)) for name in sample)
            return -len(first), of_split, found, of_images  # the more of a name agrees, the surer

        ranks = {place: rank(place) for place in places if _may_stand_for(*place)}
        highest = max(ranks.values(), default=None)
        best = [place for place in ranks if ranks[place] == highest]
        for name in sample[:_TELLING]:
            targets = {index.look_up(name, *place): place[1] for place in best}
            if len(targets.keys() - {None}) > 1:
                folders = ' and '.join(
                    sorted({f'{"/".join(base) or "."}/' for path, base in targets.items() if path})[:2]
                )
                raise UserError(
                    f'{source}: images of the same names are in {folders} of {self._root}: keep one of them'
                )
        return best[0] if best else ((), ())


def _readings(name: str) -> Iterator[str]:
    """What a name may mean: itself, without the escapes of URLs, and without what follows the path of a URL."""
    for text in dict.fromkeys((name, unquote(name), unquote(name).partition('?')[0])):
        yield '/'.join(split_path(text)) if '\\' in text or './' in text else text


def _may_be_of(path: str, split: str) -> bool:
    """Whether an image is in no folder of another split."""
    splits = set(map(split_of, path.split('/')[:-1])) - {None}
    return not split or not splits or split in splits


def _may_stand_for(first: Parts, base: Parts) -> bool:
    """Whether a folder may be another one: not if both are those of splits, and of different ones."""
    return len({split for split in map(split_of, (*first[-1:], *base[-1:])) if split}) < 2
