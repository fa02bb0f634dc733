"""Where the images of a COCO file are: its file names were often written on another machine, or for another folder."""

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple
from urllib.parse import unquote

from ...errors import UserError
from ...utils.paths import escapes_folder, normalize_separators
from ...utils.text import short
from ..checks.images import SUFFIXES
from .folder import Folder
from .split_names import split_in

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
    if names and (score == 0 or (score < len(sample) and alone)):
        own, _, _ = file.rpartition('/')
        for place in dict.fromkeys([own, '']):
            if located := _locate_by_ends(folder, file, place, None if alone else split, names, strict=score == 0):
                return located
        if score == 0 and not folder.walk('', SUFFIXES):
            return None
    return Located(best) if best is not None else None


def _exists(root: Path, place: str, name: str) -> bool:
    name = normalize_separators(root / place, name)
    return not escapes_folder(os.path.join(place, name)) and os.path.exists(root / place / name)


def _locate_by_ends(
    folder: Folder, file: str, place: str, split: str | None, names: Sequence[str], strict: bool
) -> Located | None:
    """The images in `place` whose paths end as the names do; None if one is missing.

    Args:
        folder: The data folder.
        file: Path of the COCO file.
        place: A folder.
        split: The split, so that folders named after others are left out; None: there are no others.
        names: File names.
        strict: Whether names that may be several files are an error; otherwise they are missing.
    """
    known: dict[str, list[str]] = {}
    for path in folder.walk(place, SUFFIXES):
        if split is None or all(split_in(part) in (None, split) for part in path.split('/')[:-1]):
            known.setdefault(path.rpartition('/')[2].casefold(), []).append(path)
    if not known:
        return None
    found: dict[str, str] = {}
    for name in names:
        paths = _find_by_end(name, known)
        if len(paths) > 1 and strict:
            raise UserError(
                f'{folder / file}: the image {short(name)} may be {paths[0]} or {paths[1]} of {folder.root}: write the '
                'path from there to each image as its file_name'
            )
        if len(paths) != 1:
            return None
        found[name] = paths[0]
    if len(set(found.values())) < len(found):
        return None  # two names, one image
    bases = {path.removesuffix(f'/{name}') for name, path in found.items()}
    if len(bases) == 1 and all(f'{base}/{name}' == path for base in bases for name, path in found.items()):
        return Located(bases.pop())
    return Located('', found)


def _find_by_end(name: str, known: dict[str, list[str]]) -> list[str]:
    """The paths that share most of the last parts of a name, which may be a URL."""
    for text in dict.fromkeys((name, unquote(name), unquote(name).partition('?')[0])):
        parts = text.replace('\\', '/').split('/')[::-1]
        paths = known.get(parts[0].casefold(), [])
        if paths:
            shared = [_count_shared(parts, path.split('/')[::-1]) for path in paths]
            return [path for path, number in zip(paths, shared, strict=True) if number == max(shared)]
    return []


def _count_shared(parts: Sequence[str], others: Sequence[str]) -> int:
    """How many of the first parts are equal but for their case, and one more if the very first has the same case."""
    number = int(parts[0] == others[0])
    for part, other in zip(parts, others, strict=False):
        if part.casefold() != other.casefold():
            break
        number += 1
    return number
