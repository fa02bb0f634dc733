"""Lists of the images of each split: `train.txt`, `val.txt` and such, with a name or a path per line."""

import posixpath
import re
from collections.abc import Sequence
from unicodedata import normalize

from ....errors import UserError
from ....utils.files import read_text
from ....utils.text import short
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..split_names import NAMES, find_splits, split_of

_MAX_PARTS = 8  # of a path, by which an image may be named
PLACES = ('', 'ImageSets/Segmentation', 'ImageSets', 'splits', 'split', 'lists')


def find_lists(folder: Folder, places: Sequence[str] = PLACES) -> dict[str, str]:
    """Split -> its list, in the first of `places` that has any; `trainval` and `default` are splits here as well.

    Raises:
        UserError: Several lists could be the same split.
    """
    for place in places:
        stems = {posixpath.basename(name)[:-4]: name for name in folder.files(place, '*.txt')}
        found = {
            split: stems[name] for split, name in find_splits(filter(split_of, stems), str(folder / place)).items()
        }
        found |= {name.lower(): path for name, path in stems.items() if name.lower() in ('trainval', 'default')}
        if found:
            return found
    return {}


def divide(folder: Folder, lists: dict[str, str], images: Sequence[str]) -> tuple[dict[str, list[str]], dict[str, str]]:
    """Divide images as lists say. What `trainval` has beyond `train` or `val` is the other; without it, training
    images are those that no list names.

    Args:
        folder: The data folder.
        lists: As :func:`find_lists` finds them.
        images: Paths of the images.

    Returns:
        Split -> its images, and split -> the list that says so; empty if all lists are.

    Raises:
        UserError: A list names an image that there is not.
    """
    known = _by_ending(images)
    named = {split: _read(folder, file, known) for split, file in lists.items()}
    named = {split: found for split, found in named.items() if found}
    if not named:
        return {}, {}
    sources = {split: lists[split] for split in named}
    both = 'trainval' if 'trainval' in named else 'default'
    if both in named and not {'train', 'val'} <= named.keys():
        other = 'val' if 'train' in named else 'train'
        given = {name for split in ('train', 'val', 'test') for name in named.get(split, ())}
        named[other], sources[other] = [name for name in named[both] if name not in given], lists[both]
    elif 'train' not in named:
        given = {name for listed in named.values() for name in listed}
        named['train'], sources['train'] = [name for name in images if name not in given], 'images in no list'
    named = {split: named[split] for split in NAMES if named.get(split)}
    return named, {split: sources[split] for split in named}


def _by_ending(images: Sequence[str]) -> dict[str, str]:
    """Each way to name an image, with fewer and fewer of its folders and without its suffix, that no other shares."""
    found: dict[str, str] = {}
    shared = set[str]()
    for image in images:
        parts = _without_suffix(image).split('/')
        for start in range(max(0, len(parts) - _MAX_PARTS), len(parts)):
            ending = '/'.join(parts[start:])
            shared |= {ending} & found.keys()
            found[ending] = image
    return {ending: image for ending, image in found.items() if ending not in shared}


def _read(folder: Folder, file: str, known: dict[str, str]) -> list[str]:
    found: dict[str, None] = {}
    for number, line in enumerate(read_text(folder / file).splitlines(), 1):
        if line := line.strip():
            image = _find(line, known) or _find(re.split(r'[\s,;]', line)[0], known)
            if not image:
                raise UserError(
                    f'{folder / file}, line {number}: there is no image {short(line)} in {folder.root}, or several'
                )
            found[image] = None
    return list(found)


def _find(name: str, known: dict[str, str]) -> str | None:
    """The image that a line names, whose path may begin elsewhere; CVAT puts names with spaces into quotes."""
    parts = [part for part in name.strip('"').replace('\\', '/').split('/') if part not in ('', '.')][-_MAX_PARTS:]
    for start in range(len(parts)):
        ending = '/'.join(parts[start:])
        if image := known.get(normalize('NFC', ending)) or known.get(_without_suffix(ending)):
            return image
    return None


def _without_suffix(name: str) -> str:
    stem, suffix = posixpath.splitext(normalize('NFC', name))
    return stem if suffix.lower() in SUFFIXES else stem + suffix
