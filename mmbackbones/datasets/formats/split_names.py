"""Usual names of splits."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TypeVar

from ...errors import UserError

T = TypeVar('T')

NAMES = {
    'train': ('train', 'training'),
    'val': ('val', 'valid', 'validation', 'dev', 'eval'),
    'test': ('test', 'testing'),
}
_SPLITS = {name: split for split, names in NAMES.items() for name in names}
_EXACT = re.compile(rf'(?:instances[-_])?({"|".join(_SPLITS)})(?:[-_]?\d{{4}})?')  # such as instances_val2017


def split_of(name: str) -> str | None:
    """Which split `name` is a usual name of, such as ``val`` for `valid` or `instances_val2017`; None if of none."""
    match = _EXACT.fullmatch(name.lower())
    return _SPLITS[match[1]] if match else None


def split_of_place(place: str) -> str | None:
    """The split that a folder is of: that of the first part of its path that is a usual name of one."""
    return next(filter(None, map(split_of, place.split('/'))), None)


def split_in(name: str) -> str | None:
    """Which split `name` is a usual name of, or contains a name of as a word, such as ``val`` for `cats_val`."""
    words = {_SPLITS[word] for word in re.findall('[a-z]+', name.lower()) if word in _SPLITS}
    return split_of(name) or (words.pop() if len(words) == 1 else None)


def find_splits(names: Iterable[str], where: str) -> dict[str, str]:
    """Find the names that stand for a split: usual ones, or else those that contain one as a word, such as `cats_val`.

    Args:
        names: Names of files (without suffix) or folders.
        where: Where they are, for messages.

    Returns:
        Split -> name, in the order ``train``, ``val``, ``test``.

    Raises:
        UserError: Several names stand for the same split.
    """
    names = sorted(names)
    found = {}
    for split in NAMES:
        exact, loose = list[str](), list[str]()
        for name in names:
            if split_in(name) == split:
                (exact if split_of(name) else loose).append(name)
        chosen = exact or loose
        if len(chosen) > 1:
            raise UserError(f'{where} has several that could be the split {split!r}: {", ".join(chosen)}; keep one')
        if chosen:
            found[split] = chosen[0]
    return found


def select_splits(named: Mapping[str, T], where: str) -> dict[str, T]:
    """What the names that stand for a split belong to.

    Args:
        named: Name, as of :func:`find_splits` -> what has it.
        where: Where they are, for messages.

    Returns:
        Split -> what has its name, in the order ``train``, ``val``, ``test``.

    Raises:
        UserError: Several names stand for the same split.
    """
    return {split: named[name] for split, name in find_splits(named, where).items()}


def describe_unused(names: Iterable[str], root: Path) -> list[str]:
    """A note that files or folders in `root` look like a part of the data but are not used; no note if there are none.

    Args:
        names: Their paths, relative to `root`.
        root: The data folder.
    """
    names = sorted(names)
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return [f'{root}: not used: {", ".join(names[:3])}{more}'] if names else []
