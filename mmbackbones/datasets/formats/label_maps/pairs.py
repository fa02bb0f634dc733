"""Images and the label maps that belong to them."""

import os
import posixpath
from bisect import bisect
from collections.abc import Sequence
from difflib import get_close_matches
from itertools import compress
from pathlib import Path

from ....errors import UserError
from ....utils.text import counted
from ...checks.discarded_content import describe_discarded_content
from ...checks.images import SUFFIXES, ImageInfo, read_images
from ...checks.label_maps import Pair, read_label_maps
from ..base import LabeledImages
from ..folder import Folder
from .pair_rule import Affix, Rule, apply_rule, find_rule
from .places import Place

MAX_COMPARED = 1000  # names among which the most similar to a missing one is looked for: comparing is slow

Names = list[tuple[str, str]]  # an image and its label map each, relative to the data folder


class Pairing:
    """The images and the label maps in two folders and their subfolders, or in one, paired by their names.

    Args:
        folder: The data folder.
        place: The two folders.
        rule: How the names differ. Default: as most of them do.

    Attributes:
        images: The images, relative to the data folder, as all names here.
        map_of: Image -> its label map, of those that have one.
        spare: Label maps without an image.

    Raises:
        UserError: Two files have the same name.
    """

    def __init__(self, folder: Folder, place: Place, rule: Rule | None = None) -> None:
        self._folder, self._place = folder, place
        files = folder.walk(place.images, SUFFIXES)
        maps = folder.walk(place.maps, SUFFIXES)
        together = place.images == place.maps
        if not together:
            files = [name for name in files if not name.startswith(f'{place.maps}/')]
            maps = _prefer_lossless(maps)
        names, map_names = _relative(files, place.images), _relative(maps, place.maps)
        self._rule = rule or find_rule(map(_stem, names), map(_stem, map_names), together)[0]
        if together and self._rule.map == Affix():  # no image is the label map of another one
            self._rule, map_names = Rule(self._rule.image, Affix(behind='_mask')), []
        by_key = _unique(folder / place.maps, apply_rule(map_names, self._rule.map, 'map'))
        if together:
            used = set(by_key.values())
            names = [name for name in names if name not in used]
        keys = {
            name: key
            for key, name in _unique(folder / place.images, apply_rule(names, self._rule.image, 'image')).items()
        }
        self.images = [_join(place.images, name) for name in names]
        self.map_of = {
            _join(place.images, name): _join(place.maps, by_key[keys[name]])
            for name in names
            if keys.get(name) in by_key
        }
        self.spare = [] if together else sorted(set(maps) - set(self.map_of.values()))

    @property
    def has_maps(self) -> bool:
        """Whether there are label maps; beside images there are if they belong to one."""
        return bool(self.map_of or self.spare)

    def pairs(self, images: Sequence[str] | None = None) -> Names:
        """Some images, or all, with their label maps.

        Raises:
            UserError: There are no images, or some have no label map.
        """
        images = self.images if images is None else images
        if not images:
            raise UserError(f'{self._folder / self._place.images} holds no images')
        if missing := [image for image in images if image not in self.map_of]:
            raise UserError(self._explain_missing(missing, len(images)))
        return [(image, self.map_of[image]) for image in images]

    def _explain_missing(self, missing: list[str], images: int) -> str:
        map_dir = self._folder / self._place.maps
        image = _relative(missing, self._place.images)[0]
        key = next(iter(apply_rule([image], self._rule.image, 'image')), _stem(image))
        parent, base = posixpath.split(key)
        before, behind = self._spelled()
        needed = posixpath.join(parent, f'{before}{base}{behind}.png')
        used = {*self.map_of.values(), *(self.images if self._place.images == self._place.maps else ())}
        others = sorted(set(self._folder.walk(self._place.maps, SUFFIXES)) - used)
        others = _relative(others, self._place.maps)
        lacks = f'{map_dir} lacks the label maps of {len(missing)} of the {images} images'
        if parts := _parts_of(_stem(image), others):
            return (
                f'{lacks}: {image} has {counted(len(parts), "mask")}, such as {parts[0]}, instead of one; '
                f'masks of single objects are no label map: merge them into one PNG {needed} with a label per class'
            )
        start = max(0, bisect(others, _stem(image)) - MAX_COMPARED // 2)
        similar = get_close_matches(needed, others[start : start + MAX_COMPARED], n=1, cutoff=0)
        hint = f'; did you mean {similar[0]}?' if similar else ''
        return f'{lacks}: {image} needs the PNG {needed}{hint}'

    def _spelled(self) -> Affix:
        """What label maps have beside the common part, in upper and lower case as one of them has it."""
        before, behind = self._rule.map
        for name in self.map_of.values():
            stem = posixpath.basename(_stem(name))
            return Affix(stem[: len(before)], stem[len(stem) - len(behind) :])
        return self._rule.map


def read_pairs(root: Path, place: Place, names: Sequence[tuple[str, str]], by_color: bool = False) -> LabeledImages:
    """Decode images and their label maps.

    Args:
        root: The data folder.
        place: The folders of the images and of the label maps.
        names: An image and its label map each, relative to the data folder.
        by_color: Whether the label maps are color images.

    Raises:
        UserError: A file is unreadable, an image is of one row or column, or the two of a pair differ in size.
    """
    image_dir, map_dir = root / place.images, root / place.maps
    images = _relative([image for image, _ in names], place.images)
    maps = _relative([label for _, label in names], place.maps)
    found = read_images(root, image_dir, images, str(image_dir))
    check_not_narrow(image_dir, images, found)
    labels = read_label_maps(root, map_dir, maps, str(map_dir), by_color)
    readable = [info.is_readable and all(label.size) for info, label in zip(found, labels, strict=True)]
    names, images = list(compress(names, readable)), list(compress(images, readable))
    found, labels = list(compress(found, readable)), list(compress(labels, readable))
    wrong = [item for item in zip(names, found, labels, strict=True) if item[1].size != item[2].size]
    if wrong:
        (image, label), info, label_map = wrong[0]
        turned = ', turned by its EXIF orientation as in training' if info.orientation > 4 else ''
        raise UserError(
            '{} is {}x{} pixels, but its image {} is {}x{}{}; {} of {} pairs differ in size'.format(
                root / label, *label_map.size, posixpath.basename(image), *info.size, turned, len(wrong), len(labels)
            )
        )
    pairs = [
        Pair(root / image, root / label, label_map, info.orientation)
        for (image, label), info, label_map in zip(names, found, labels, strict=True)
    ]
    return LabeledImages(pairs, tuple(describe_discarded_content(images, found, place.images or root.name)))


def check_not_narrow(image_dir: Path, images: Sequence[str], found: Sequence[ImageInfo]) -> None:
    """Check that no image is of a single row or column.

    Args:
        image_dir: Folder of the images.
        images: Their names.
        found: What was found in each.

    Raises:
        UserError: The first that is.
    """
    if narrow := [(image, info) for image, info in zip(images, found, strict=True) if min(info.size) == 1]:
        image, info = narrow[0]
        raise UserError(
            f'{image_dir / image} is {info.width}x{info.height} pixels: MMSegmentation cannot read label maps of one '
            f'row or column; {len(narrow)} of {len(images)} images have such a size'
        )


def describe_spare(place: str, spare: Sequence[str]) -> list[str]:
    """A note on label maps without an image, if there are any."""
    more = f' and {len(spare) - 1} more' if len(spare) > 1 else ''
    return [f'{place}: left out, because it has no image: {spare[0].removeprefix(f"{place}/")}{more}'] if spare else []


def _unique(folder: Path, by_key: dict[str, list[str]]) -> dict[str, str]:
    """Common part of the names -> the only file that has it."""
    for names in by_key.values():
        if len(names) > 1:
            raise UserError(
                f'{folder} has two files of the same name, so that images and label maps cannot be paired: '
                f'{names[0]} and {names[1]}'
            )
    return {key: name for key, (name,) in by_key.items()}


def _prefer_lossless(maps: list[str]) -> list[str]:
    """The PNG files, or else those of other formats that keep each pixel as it was, or else all."""
    for suffixes in ({'.png'}, {'.bmp', '.tif', '.tiff', '.gif', '.webp'}):
        if found := [name for name in maps if os.path.splitext(name)[1].lower() in suffixes]:
            return found
    return maps


def _parts_of(stem: str, maps: list[str]) -> list[str]:
    """The masks of single objects of an image: several files with its name and a number, or in a folder of its name."""
    rests = {name: _stem(name)[len(stem) :] for name in maps if name.startswith(stem)}
    numbered = [name for name, rest in rests.items() if rest[:1] in set('-_. ') and any(map(str.isdigit, rest))]
    inside = [name for name, rest in rests.items() if rest[:1] == '/']
    return max(numbered, inside, key=len) if max(len(numbered), len(inside)) > 1 else []


def _relative(names: list[str], place: str) -> list[str]:
    return [name.removeprefix(f'{place}/') for name in names] if place else names


def _join(place: str, name: str) -> str:
    return f'{place}/{name}' if place else name


def _stem(name: str) -> str:
    return os.path.splitext(name)[0]
