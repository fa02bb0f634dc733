"""Where the images of a COCO file are: its file names were often written on another machine, or for another folder."""

import os
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from ....errors import UserError
from ....utils.paths import escapes_folder, normalize_separators
from ....utils.text import short
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..image_finder import ImageFinder
from ..split_names import split_in

SAMPLE = 100  # file names that are looked up in each folder, evenly spread over the file


class Located(NamedTuple):
    """The images of a COCO file.

    Attributes:
        folder: Folder that file names are relative to, itself relative to the data folder.
        names: File name as given -> as it is there, if they differ; otherwise None.
    """

    folder: str
    names: dict[str, str] | None = None


def locate_images(
    folder: Folder, file: str, split: str, names: Sequence[str], places: Iterable[str], alone: bool
) -> Located | None:
    """Find the images that a COCO file lists.

    If they are in none of the usual places, they are looked for in the whole data folder by the ends of their names:
    `C:\\photos\\day\\a.jpg` is `day/a.jpg`, if that exists. This is done only if every name is found so, and if none
    could be several files.

    Args:
        folder: The data folder.
        file: Path of the COCO file.
        split: The split that it holds.
        names: Its file names.
        places: Usual places.
        alone: Whether it is the only file, so that every image may be one of its images.

    Returns:
        The images; None if there is no image at all, or none of them and none of the `places`.

    Raises:
        UserError: Some names may be any of several files.
    """
    sample = names[:: max(len(names) // SAMPLE, 1)]
    existing = [place for place in dict.fromkeys(places) if folder.has_folder(place)]
    scores = {place: sum(_exists(folder.root, place, name) for name in sample) for place in existing}
    best = max(existing, key=scores.__getitem__, default=None)
    score = scores[best] if best is not None else 0
    if score == len(sample) or (score and not alone):
        return Located(best) if best is not None else None
    own, _, _ = file.rpartition('/')
    bases: Counter[str] = Counter()
    for place in dict.fromkeys([own, '']):
        known = ImageFinder(folder.root, _list_images(folder, place, None if alone else split))
        found = {name: known.find_one(name) for name in names}
        if not score and (clash := next((name for name, paths in found.items() if len(paths) > 1), None)):
            raise UserError(
                f'{folder / file}: the image {short(clash)} may be {found[clash][0]} or {found[clash][1]} of '
                f'{folder.root}: write the path from there to each image as its file_name'
            )
        single = {name: paths[0] for name, paths in found.items() if len(paths) == 1}
        if located := _use(single, len(found)):
            return located
        bases.update(base for name, path in single.items() if (base := _base(name, path)) is not None)
    if not score and bases:
        return Located(bases.most_common(1)[0][0])  # some are there, and the others are missing
    return Located(best) if best is not None and (score or folder.walk('', SUFFIXES)) else None


def _exists(root: Path, place: str, name: str) -> bool:
    name = normalize_separators(root / place, name)
    return not escapes_folder(os.path.join(place, name)) and os.path.exists(root / place / name)


def _list_images(folder: Folder, place: str, split: str | None) -> list[str]:
    """The images in `place`, without those in folders that are named as other splits."""
    paths = folder.walk(place, SUFFIXES)
    if split is None:
        return paths
    return [path for path in paths if all(split_in(part) in (None, split) for part in path.split('/')[:-1])]


def _use(found: dict[str, str], number: int) -> Located | None:
    """The images, if there is one for each of a number of names."""
    if not found or len(set(found.values())) < number:
        return None
    bases = {_base(name, path) for name, path in found.items()}
    base = bases.pop() if len(bases) == 1 else None
    return Located('', found) if base is None else Located(base)


def _base(name: str, path: str) -> str | None:
    """The folder that `name` is relative to if it is the file at `path`; None if there is none."""
    return path.removesuffix(name).rstrip('/') if path == name or path.endswith(f'/{name}') else None
