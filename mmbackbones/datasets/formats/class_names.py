"""Names of the labels of a segmentation data set: `classes.txt`, or ADE20K's `objectInfo150.txt`."""

import re
from collections import Counter
from pathlib import Path

from ...errors import UserError
from ...utils.files import read_text

FEWEST = 2  # with a single class there is nothing to tell apart
MOST = 254  # labels are bytes, and 255 is ignored, 0 as well in most data sets
LONGEST = 1_000_000  # bytes of a file of so few names
ADE20K = 'objectInfo150.txt'


def read_class_names(root: Path) -> tuple[Path, tuple[str, ...]]:
    """The file that names the labels, and the names in the order of the labels.

    Raises:
        UserError: there is no such file, or a name is missing or there twice, or there are too few or too many.
    """
    plain, ade = root / 'classes.txt', root / ADE20K
    file = next((path for path in (plain, ade) if path.is_file()), None)
    if file is None:
        raise UserError(f'{root} must hold a file classes.txt, whose line n names the n-th class.')
    if file.stat().st_size > LONGEST:
        raise UserError(f'{file} has {file.stat().st_size} bytes, which can be no list of {FEWEST} to {MOST} names.')
    lines = re.split('\r\n|\n|\r', read_text(file).rstrip())  # `splitlines` takes some letters for ends of lines, too
    lines = lines[file == ade :] if any(lines) else []  # ADE20K's first line is a header
    if not FEWEST <= len(lines) <= MOST:
        raise UserError(
            f'{file} must name {FEWEST} to {MOST} labels, but names {len(lines)}: whatever is to be '
            'learnt, the background included, needs a name and a label of its own.'
        )
    names = [line.strip() for line in lines] if file == plain else _first_names(lines)
    if '' in names:
        raise UserError(f'{file} has no name for class {names.index("") + 1}.')
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise UserError(f'{file}: {twice!r} names more than one label.')
    return file, tuple(names)


def _first_names(lines: list[str]) -> list[str]:
    """The first of the names in the last column; all of them where two labels would share the first."""
    rows = [line.split('\t')[-1].strip() for line in lines]
    firsts = [row.replace(';', ',').split(',')[0].strip() for row in rows]
    times = Counter(firsts)
    return [row if times[first] > 1 else first for row, first in zip(rows, firsts, strict=True)]
