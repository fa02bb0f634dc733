"""Files that list names of labels in their order: `classes.txt`, labelme's `class_names.txt`, ADE20K's table."""

from collections import Counter
from pathlib import Path

from ...base import LabelNames
from .text import check_names, read_lines
from .values import from_values

ADE20K = 'objectInfo150.txt'


def read_plain(file: Path) -> LabelNames:
    """A name per line; the labels tell whether the first is label 0 or label 1.

    labelme's lists begin with `__ignore__`, which is label 255, and go on with `_background_`, which is label 0.
    """
    names = [line.strip() for line in read_lines(file)]
    if names and names[0] == '__ignore__':
        names = names[1:]
    check_names(file, names)
    if names[0] == '_background_':
        return from_values(file, dict(enumerate(names)))
    return LabelNames(file, tuple(names))


def read_codes(file: Path) -> LabelNames:
    """The codes of fastai: a name per line, the first of label 0."""
    names = [line.strip() for line in read_lines(file)]
    check_names(file, names)
    return from_values(file, dict(enumerate(names)))


def read_ade20k(file: Path) -> LabelNames:
    """ADE20K's table: a header, and the synonyms of each class in the last column; the first row is label 1."""
    lines = read_lines(file)
    names = _first_names(lines[1:])
    check_names(file, names)
    return LabelNames(file, tuple(names), background='ignore')


def _first_names(lines: list[str]) -> list[str]:
    """The first of the synonyms in the last column; all of them where two labels would share the first."""
    rows = [line.split('\t')[-1].strip() for line in lines]
    firsts = [row.replace(';', ',').split(',')[0].strip() for row in rows]
    times = Counter(firsts)
    return [row if times[first] > 1 else first for row, first in zip(rows, firsts, strict=True)]
