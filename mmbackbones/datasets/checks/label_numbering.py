"""Numbering of labels: whether label 0 is ignored or is the first class."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from ...utils.text import counted
from .label_maps import IGNORE_INDEX, MAX_LABEL

BACKGROUNDS = ('ignore', 'class')
MAX_TABLE_ROWS = 10


@dataclass(frozen=True)
class Numbering:
    """Which class each label stands for.

    Attributes:
        background: ``ignore``: label 0 is ignored and label n is the n-th name. ``class``: label 0 is the first name.
        ignore_label: Pixels of this label are ignored, as those of 255 always are.
    """

    background: str
    ignore_label: int | None = None

    @property
    def first(self) -> int:
        """Label of the first name."""
        return 1 if self.background == 'ignore' else 0

    @property
    def ignored(self) -> set[int]:
        """Labels that are ignored."""
        always = {*range(self.first), IGNORE_INDEX}
        return always if self.ignore_label is None else always | {self.ignore_label}

    def name(self, label: int, names: Sequence[str]) -> str | None:
        """The class of a label, or None if it is ignored or has no name.

        Args:
            label: Label in the files.
            names: Class names in the order of the labels.
        """
        known = label not in self.ignored and 0 <= label - self.first < len(names)
        return names[label - self.first] if known else None


def check_numbering_options(background: str | None, ignore_label: int | None) -> None:
    """Check options that a user has given.

    Args:
        background: As in :class:`Numbering`, or None.
        ignore_label: As in :class:`Numbering`.

    Raises:
        UserError: One of them has no such value.
    """
    if background not in (None, *BACKGROUNDS):
        raise UserError(f'background must be {" or ".join(map(repr, BACKGROUNDS))}, got {background!r}')
    if ignore_label is not None and (type(ignore_label) is not int or not 0 <= ignore_label <= MAX_LABEL):
        raise UserError(f'ignore_label must be a label from 0 to {MAX_LABEL}, got {ignore_label!r}')


def infer_numbering(
    pixels: dict[int, int],
    names: Sequence[str],
    background: str | None,
    ignore_label: int | None,
    names_file: Path,
    root: Path,
) -> Numbering:
    """Find out how labels are numbered, from the labels that occur or from what the user says.

    Labels are counted from 1 if the last of them occurs, because counted from 0 it would not exist. They are also
    counted from 1 if 0 does not occur although it would be the background, which hardly any image is without. If the
    first name is the background and both 0 and the last label occur, either may be what was left unlabeled.

    Args:
        pixels: Number of pixels of each label, all of which one of the two numberings allows.
        names: Class names in the order of the labels.
        background: What the user says, or None.
        ignore_label: Label that the user ignores, or None.
        names_file: File that holds the names, for messages.
        root: Folder of the data set, for messages.

    Raises:
        UserError: The labels do not tell; with a table of the label, its share of the pixels, and its class under each
            numbering.
    """
    last, occurring = len(names), set(pixels) - {IGNORE_INDEX, ignore_label}
    if background:
        return Numbering(background, ignore_label)
    with_background = names[0].strip('_').lower() == 'background'
    if (0 not in occurring) if with_background else (last in occurring):
        return Numbering('ignore', ignore_label)
    if last in occurring:
        reason = f'both 0 and {last} occur, and {names[0]!r} may be label 0 or label 1'
        also = f' --ignore-label {last}'
    else:
        reason, also = f'no pixel has label {last} ({names[-1]!r})', ''
    raise UserError(
        f'the label maps in {root} may be numbered from 0 or from 1: {reason}; choose with --background class{also} '
        f'(label 0 is {names[0]!r}, the first line of {names_file.name}) or --background ignore (label 0 is ignored, '
        f'label 1 is {names[0]!r})\n{_table(pixels, names, ignore_label)}'
    )


def percentage(pixels: dict[int, int], label: int) -> str:
    """Share of all pixels that have a label, in percent, for a message."""
    return f'{pixels.get(label, 0) / sum(pixels.values()):.1%}'.replace('%', ' %')


def _table(pixels: dict[int, int], names: Sequence[str], ignore_label: int | None) -> str:
    """Label, share of the pixels, and class under each numbering; the most frequent labels first."""
    numberings = [Numbering(background, ignore_label) for background in BACKGROUNDS[::-1]]
    rows = [('label', 'pixels', *(f'--background {numbering.background}' for numbering in numberings))]
    frequent = sorted(pixels, key=lambda label: pixels[label], reverse=True)
    for label in frequent[:MAX_TABLE_ROWS]:
        classes = (numbering.name(label, names) for numbering in numberings)
        shown = ('ignored' if name is None else repr(name) for name in classes)
        rows.append((str(label), percentage(pixels, label), *shown))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ['  ' + '  '.join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if len(frequent) > MAX_TABLE_ROWS:
        lines.append(f'  and {counted(len(frequent) - MAX_TABLE_ROWS, "more label")}')
    return '\n'.join(lines)
