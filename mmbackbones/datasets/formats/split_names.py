"""What splits are usually called."""

import re
from collections.abc import Iterable
from pathlib import Path

from ...errors import UserError

NAMES = {
    'train': ('train', 'training'),
    'val': ('val', 'valid', 'validation', 'dev', 'eval'),
    'test': ('test', 'testing'),
}
_SPLITS = {name: split for split, names in NAMES.items() for name in names}
_EXACT = re.compile(rf'(?:instances[-_])?({"|".join(_SPLITS)})(?:[-_]?\d{{4}})?')  # such as instances_val2017


def split_of(name: str) -> str | None:
    """Which split `name` is a usual name of, such as `valid` or `instances_val2017` of `val`."""
    match = _EXACT.fullmatch(name.lower())
    return _SPLITS[match[1]] if match else None


def find_splits(names: Iterable[str], where: str) -> dict[str, str]:
    """Split -> the one of `names` that stands for it, in the order train, val, test.

    A name is a usual one, or has one as a word of its own, such as `cats_val`; a usual name comes first.

    Args:
        names: of files (without suffix) or folders.
        where: these are, for errors.

    Raises:
        UserError: several names stand for one split.
    """
    names, found = sorted(names), {}
    for split in NAMES:
        exact, loose = [], []
        for name in names:
            words = re.findall('[a-z]+', name.lower())
            if split_of(name):
                exact += [name] * (split_of(name) == split)
            elif {_SPLITS[word] for word in words if word in _SPLITS} == {split}:
                loose.append(name)
        chosen = exact or loose
        if len(chosen) > 1:
            raise UserError(f'{where} has several that could be the split {split!r}: {", ".join(chosen)}; leave one.')
        if chosen:
            found[split] = chosen[0]
    return found


def describe_unused(names: Iterable[str], root: Path) -> tuple[str, ...]:
    """A note on `names` below `root`, which look like a part of the data and are not read; none if there are none."""
    names = sorted(names)
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return (f'{root}: not used: {", ".join(names[:3])}{more}',) if names else ()
