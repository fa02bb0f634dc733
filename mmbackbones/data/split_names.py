"""What splits are usually called."""

import re
from collections.abc import Iterable
from pathlib import Path

from ..errors import UserError

NAMES = {
    'train': ('train', 'training'),
    'val': ('val', 'valid', 'validation', 'dev', 'eval'),
    'test': ('test', 'testing'),
}
_SPLITS = {name: split for split, names in NAMES.items() for name in names}
_EXACT = re.compile(rf'(?:instances[-_])?({"|".join(_SPLITS)})(?:[-_]?\d{{4}})?')  # such as instances_val2017


def is_split_name(name: str) -> bool:
    """Whether `name` is, but for a year and COCO's own prefix, one of the usual names."""
    return _EXACT.fullmatch(name.lower()) is not None


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
            if match := _EXACT.fullmatch(name.lower()):
                exact += [name] * (_SPLITS[match[1]] == split)
            else:
                words = re.findall('[a-z]+', name.lower())
                loose += [name] * ({_SPLITS[word] for word in words if word in _SPLITS} == {split})
        chosen = exact or loose
        if len(chosen) > 1:
            raise UserError(f'{where} has several that could be the split {split!r}: {", ".join(chosen)}; leave one.')
        if chosen:
            found[split] = chosen[0]
    return found


def describe_unused(names: Iterable[str], root: Path) -> tuple[str, ...]:
    """A note on the files `names` of `root`, which look like annotations and are not read; none if there are none."""
    names = sorted(names)
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return (f'{root}: not used: {", ".join(names[:3])}{more}',) if names else ()
