"""Names of the labels of a segmentation data set: `classes.txt`, or ADE20K's `objectInfo150.txt`."""

from collections import Counter
from pathlib import Path

from ..errors import UserError
from .files import read_text

FEWEST = 2  # with a single class there is nothing to tell apart
MOST = 254  # labels are bytes, and 0 and 255 are ignored


def read_class_names(root: Path) -> tuple[Path, tuple[str, ...]]:
    """The file that names the labels, and the names: the n-th is label n's.

    Raises:
        UserError: there is no such file, or a name is missing or there twice, or there are too few or too many.
    """
    plain, ade = root / 'classes.txt', root / 'objectInfo150.txt'
    if plain.is_file():
        file, names = plain, [line.strip() for line in read_text(plain).rstrip().splitlines()]
    elif ade.is_file():
        file, names = ade, _first_names(read_text(ade))
    else:
        raise UserError(f'{root} must hold a file classes.txt, whose line n names label n.')
    if '' in names:
        raise UserError(f'{file} has no name for label {names.index("") + 1}.')
    twice = next((name for name, count in Counter(names).items() if count > 1), None)
    if twice is not None:
        raise UserError(f'{file}: {twice!r} names more than one label.')
    if not FEWEST <= len(names) <= MOST:
        raise UserError(f'{file} must name {FEWEST} to {MOST} labels, but names {len(names)}: label 0 is ignored, so '
                        'what is to be learnt, the background included, needs a name and a label above 0.')
    return file, tuple(names)


def _first_names(table: str) -> list[str]:
    """The first of the names in the last column; all of them where two labels would share the first."""
    rows = [row.split('\t')[-1].strip() for row in table.rstrip().splitlines()[1:]]  # the first line is the header
    firsts = [row.replace(';', ',').split(',')[0].strip() for row in rows]
    return [row if firsts.count(first) > 1 else first for row, first in zip(rows, firsts, strict=True)]
