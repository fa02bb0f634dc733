"""Names of the labels of a segmentation data set: `classes.txt`, or ADE20K's `objectInfo150.txt`."""

import re
from collections import Counter
from pathlib import Path

from ...errors import UserError
from ...utils.files import read_text
from .base import LabelNames

MIN_CLASSES = 1  # beside the background
MAX_CLASSES = 254  # labels are bytes, and 255 is ignored, as is 0 in most data sets
MAX_BYTES = 1_000_000  # of a file with so few names
ADE20K = 'objectInfo150.txt'


def read_class_names(root: Path) -> LabelNames:
    """Read the names of the labels of the data set in `root`; its own `classes.txt` comes first.

    Raises:
        UserError: There is no such file, a name is missing or occurs twice, or there are too few or too many.
    """
    plain, ade20k = root / 'classes.txt', root / ADE20K
    file = next((path for path in (plain, ade20k) if path.is_file()), None)
    if file is None:
        raise UserError(f'{root} must hold a file classes.txt, whose line n names class n')
    if file.stat().st_size > MAX_BYTES:
        raise UserError(f'{file} has {file.stat().st_size} bytes: too large for {MIN_CLASSES} to {MAX_CLASSES} names')
    lines = re.split('\r\n|\n|\r', read_text(file).rstrip())  # `splitlines` splits at other characters as well
    lines = lines[file == ade20k :] if any(lines) else []  # ADE20K's first line is a header
    if not MIN_CLASSES <= len(lines) <= MAX_CLASSES:
        raise UserError(
            f'{file} must name {MIN_CLASSES} to {MAX_CLASSES} labels, but names {len(lines)}: every class to be '
            'learned, the background included, needs a name and a label of its own'
        )
    names = [line.strip() for line in lines] if file == plain else _first_names(lines)
    if '' in names:
        raise UserError(f'{file} has no name for class {names.index("") + 1}')
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise UserError(f'{file}: {twice!r} names more than one label')
    return LabelNames(file, tuple(names), background='ignore' if file == ade20k else None)  # it numbers names from 1


def _first_names(lines: list[str]) -> list[str]:
    """The first of the synonyms in the last column; all of them where two labels would share the first."""
    rows = [line.split('\t')[-1].strip() for line in lines]
    firsts = [row.replace(';', ',').split(',')[0].strip() for row in rows]
    times = Counter(firsts)
    return [row if times[first] > 1 else first for row, first in zip(rows, firsts, strict=True)]
