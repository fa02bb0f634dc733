"""Lists of the images of each split: `train.txt`, `val.txt` and such, with a name or a path per line."""

import posixpath
import re
from collections.abc import Sequence

from ....errors import UserError
from ....utils.files import read_text
from ....utils.text import short
from ..folder import Folder
from ..image_finder import ImageFinder
from ..split_names import NAMES, select_splits, split_of

PLACES = ('', 'ImageSets/Segmentation', 'ImageSets', 'splits', 'split', 'lists')


def find_lists(folder: Folder, places: Sequence[str] = PLACES) -> dict[str, str]:
    """Split -> its list, in the first of `places` that has any; `trainval` and `default` are splits here as well.

    Raises:
        UserError: Several lists could be the same split.
    """
    for place in places:
        stems = {posixpath.basename(name)[:-4]: name for name in folder.files(place, '*.txt')}
        found = select_splits({stem: name for stem, name in stems.items() if split_of(stem)}, str(folder / place))
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
    known = ImageFinder(folder.root, images)
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


def _read(folder: Folder, file: str, images: ImageFinder) -> list[str]:
    found: dict[str, None] = {}
    for number, line in enumerate(read_text(folder / file).splitlines(), 1):
        if line := line.strip():
            image = _find(line, images) or _find(re.split(r'[\s,;]', line)[0], images)
            if not image:
                raise UserError(
                    f'{folder / file}, line {number}: there is no image {short(line)} in {folder.root}, or several'
                )
            found[image] = None
    return list(found)


def _find(name: str, images: ImageFinder) -> str | None:
    """The image that a line names; CVAT puts names with spaces into quotes."""
    found = images.find_one(name.strip('"'), any_suffix=True)
    return found[0] if len(found) == 1 else None
