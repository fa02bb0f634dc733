"""Names of the labels of a segmentation data set: `classes.txt`, or ADE20K's `objectInfo150.txt`."""

from collections import Counter
from pathlib import Path

from ..errors import UserError
from .files import read_text

MOST = 254  # labels are bytes, and 0 and 255 are ignored


def read_class_names(root: Path) -> tuple[Path, tuple[str, ...]]:
    """The file that names the labels, and the names: the n-th is label n's.

    Raises:
        UserError: there is no such file, or a name is missing or there twice, or there are too many.
    """
    plain, ade = root / 'classes.txt', root / 'objectInfo150.txt'
    if plain.is_file():
        file, names = plain, [line.strip() for line in read_text(plain).rstrip().splitlines()]
    elif ade.is_file():
        file, names = ade, _first_names(read_text(ade))
    else:
        raise UserError(f'{root} must hold a file classes.txt, whose line n names label n.')
    if not names or '' in names:
        raise UserError(f'{file}: line {names.index("") + 1 if names else 1} is empty, but names a label.')
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UserError(f'{file}: {twice!r} names more than one label.')
    if len(names) > MOST:
        raise UserError(f'{file} names {len(names)} labels, but there can be {MOST} at most.')
    return file, tuple(names)


def _first_names(table: str) -> list[str]:
    """The first of the names in the last column; all of them where two labels would share the first."""
    rows = [row.split('\t')[-1].strip() for row in table.rstrip().splitlines()[1:]]  # the first line is the header
    firsts = [row.replace(';', ',').split(',')[0].strip() for row in rows]
    return [row if firsts.count(first) > 1 else first for row, first in zip(rows, firsts, strict=True)]
