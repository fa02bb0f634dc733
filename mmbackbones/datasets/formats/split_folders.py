"""Splits that are told by the folders in which their files are, at whatever level."""

from collections.abc import Iterable, Mapping
from pathlib import Path

from .split_names import select_splits, split_of


def divide_by_folder(files: Iterable[str], root: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Divide files into splits: ``images/train/a.jpg`` is in ``train``.

    Args:
        files: Paths relative to `root`.
        root: The data folder, for messages.

    Returns:
        Split -> its files, in the order ``train``, ``val``, ``test``; files in no folder that is named after a split
        are those of ``train`` where there is no other, and else the second result.

    Raises:
        UserError: Folders of several names are the same split.
    """
    return divide_by_name({file: next(filter(split_of, file.split('/')[:-1]), '') for file in files}, root)


def divide_by_name(names: Mapping[str, str], root: Path) -> tuple[dict[str, list[str]], list[str]]:
    """Divide files into splits.

    Args:
        names: File -> what its split is called; other names stand for none.
        root: The data folder, for messages.

    Returns:
        As :func:`divide_by_folder`.

    Raises:
        UserError: Several names are the same split.
    """
    found: dict[str, list[str]] = {}
    rest = list[str]()
    for file, name in names.items():
        (found.setdefault(name, []) if split_of(name) else rest).append(file)
    divided = select_splits(found, str(root))
    return (divided, rest) if 'train' in divided or not rest else ({'train': rest, **divided}, [])
