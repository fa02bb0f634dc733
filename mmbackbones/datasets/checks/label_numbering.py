"""Numbering of labels: whether label 0 is ignored or is the first class."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from ...errors import UserError
from ...utils.text import short
from .label_maps import IGNORE_INDEX, MAX_LABEL
from .label_table import LabelTable, align, percent

BACKGROUNDS = ('ignore', 'class')
MAX_TABLE_ROWS = 10


def check_numbering_options(background: str | None, ignore_label: int | None) -> None:
    """Check options that a user has given.

    Args:
        background: As in :class:`~mmbackbones.datasets.checks.label_table.LabelTable`, or None.
        ignore_label: As in :class:`~mmbackbones.datasets.checks.label_table.LabelTable`.

    Raises:
        UserError: One of them has no such value.
    """
    if background not in (None, *BACKGROUNDS):
        raise UserError(f'background must be {" or ".join(map(repr, BACKGROUNDS))}, got {background!r}')
    if ignore_label is not None and (type(ignore_label) is not int or not 0 <= ignore_label <= MAX_LABEL):
        raise UserError(f'ignore_label must be a label from 0 to {MAX_LABEL}, got {ignore_label!r}')


def infer_background(
    pixels: Mapping[int, int], names: Sequence[str], ignore_label: int | None, names_file: Path, root: Path
) -> str:
    """Find out how labels are numbered, from the labels that occur.

    Labels are counted from 1 if the last of them occurs, because counted from 0 it would not exist. They are also
    counted from 1 if 0 does not occur although it would be the background, which hardly any image is without. If the
    first name is the background and both 0 and the last label occur, either may be what was left unlabeled.

    Args:
        pixels: Number of pixels of each label, all of which one of the two numberings allows.
        names: Class names in the order of the labels.
        ignore_label: Label that the user ignores, or None.
        names_file: File that holds the names, for messages.
        root: Folder of the data set, for messages.

    Returns:
        ``ignore`` if label 0 is ignored and label 1 is the first name, ``class`` if label 0 is.

    Raises:
        UserError: The labels do not tell; with a table of the label, its share of the pixels, and its class under each
            numbering.
    """
    first = short(names[0])
    last, occurring = len(names), set(pixels) - {IGNORE_INDEX, ignore_label}
    with_background = names[0].strip('_').lower() == 'background'
    if (0 not in occurring) if with_background else (last in occurring):
        return 'ignore'
    if with_background and last == 2 and 0 in occurring and last not in occurring:
        return 'class'  # of the two readings, one would have the background alone
    if last in occurring:
        reason = f'both 0 and {last} occur, and {first} may be label 0 or label 1'
        also = f' --ignore-label {last}'
    else:
        reason, also = f'no pixel has label {last} ({short(names[-1])})', ''
    raise UserError(
        f'the label maps in {root} may be numbered from 0 or from 1: {reason}; choose with --background class{also} '
        f'(label 0 is {first}, the first line of {names_file.name}) or --background ignore (label 0 is ignored, '
        f'label 1 is {first})\n{_table(pixels, names, ignore_label)}'
    )


def _table(pixels: Mapping[int, int], names: Sequence[str], ignore_label: int | None) -> str:
    """Label, share of the pixels, and class under each numbering; the most frequent labels first."""
    tables = [LabelTable.consecutive(names, background, ignore_label) for background in BACKGROUNDS[::-1]]
    rows = [('label', 'pixels', *(f'--background {table.background}' for table in tables))]
    total = sum(pixels.values())
    for label in sorted(pixels, key=lambda label: pixels[label], reverse=True):
        classes = (table.name(label) for table in tables)
        shown = ('ignored' if name is None else short(name) for name in classes)
        rows.append((str(label), percent(pixels[label] / total), *shown))
    return '\n'.join(align(rows, MAX_TABLE_ROWS + 1, 'more label'))
