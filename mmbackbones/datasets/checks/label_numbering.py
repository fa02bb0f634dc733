"""Which class a label of a segmentation data set stands for: label maps are numbered from 0 or from 1."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from ...errors import UserError
from .label_maps import IGNORE_INDEX, MAX_LABEL

BACKGROUNDS = ('ignore', 'class')
MAX_TABLE_ROWS = 10  # of the table of labels


@dataclass(frozen=True)
class Numbering:
    """How labels are to be read.

    Attributes:
        background: ``ignore``: label 0 is ignored, label n is the n-th name. ``class``: label 0 is the first name.
        ignore_label: Pixels of this label are ignored, as those of 255 always are.
    """

    background: str
    ignore_label: int | None = None

    @property
    def first(self) -> int:
        """The label of the first name."""
        return 1 if self.background == 'ignore' else 0

    @property
    def ignored(self) -> set[int]:
        return {*range(self.first), IGNORE_INDEX, self.ignore_label} - {None}

    def name(self, label: int, names: Sequence[str]) -> str | None:
        """The class of `label`; None if it is ignored or has no name."""
        known = label not in self.ignored and 0 <= label - self.first < len(names)
        return names[label - self.first] if known else None


def check_numbering_options(background: str | None, ignore_label: int | None) -> None:
    """Raise UserError unless both are None or one of the values that a `Numbering` may have."""
    if background not in (None, *BACKGROUNDS):
        raise UserError(f'background must be {" or ".join(map(repr, BACKGROUNDS))}, got {background!r}.')
    if ignore_label is not None and (type(ignore_label) is not int or not 0 <= ignore_label <= MAX_LABEL):
        raise UserError(f'ignore_label must be a label from 0 to {MAX_LABEL}, got {ignore_label!r}.')


def infer_numbering(
    pixels: dict[int, int],
    names: Sequence[str],
    background: str | None,
    ignore_label: int | None,
    names_file: Path,
    root: Path,
) -> Numbering:
    """How the labels of the data set in `root` are to be read, if their numbers say so or the user has.

    The labels are counted from 1 if the last of them occurs, which no label counted from 0 could be; or if 0 does not
    occur although it would be the background, which hardly any picture is without. Where the first name is the
    background and both 0 and the last occur, either may be what was left unlabelled.

    Args:
        pixels: number of pixels of each label; all labels lie in the range of either reading.

    Raises:
        UserError: nobody can know; with the table label -> class -> share of the pixels.
    """
    last, occurring = len(names), set(pixels) - {IGNORE_INDEX, ignore_label}
    if background:
        return Numbering(background, ignore_label)
    with_background = names[0].strip('_').lower() == 'background'
    if (0 not in occurring) if with_background else (last in occurring):
        return Numbering('ignore', ignore_label)
    if last in occurring:
        why, also = f'both 0 and {last} occur, and {names[0]!r} may be label 0 as well as 1', f' --ignore-label {last}'
    else:
        why, also = f'no pixel has label {last} ({names[-1]!r})', ''
    raise UserError(
        f'The label maps in {root} may be numbered from 0 or from 1: {why}; say which is meant with --background class'
        f'{also} (label 0 is {names[0]!r}, the first line of {names_file.name}) or --background ignore (label 0 is '
        f'ignored, label 1 is {names[0]!r}).\n{_table(pixels, names, ignore_label)}'
    )


def _table(pixels: dict[int, int], names: Sequence[str], ignore_label: int | None) -> str:
    """Label, share of the pixels, and class under each reading; the most frequent labels first."""
    readings = [Numbering(background, ignore_label) for background in BACKGROUNDS[::-1]]
    rows = [('label', 'pixels', *(f'--background {reading.background}' for reading in readings))]
    frequent = sorted(pixels, key=pixels.get, reverse=True)
    for label in frequent[:MAX_TABLE_ROWS]:
        found = (reading.name(label, names) for reading in readings)
        found = ('ignored' if name is None else repr(name) for name in found)
        rows.append((str(label), percentage(pixels, [label]), *found))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ['  ' + '  '.join(map(str.ljust, row, widths)).rstrip() for row in rows]
    if len(frequent) > MAX_TABLE_ROWS:
        lines.append(f'  and {len(frequent) - MAX_TABLE_ROWS} more labels')
    return '\n'.join(lines)


def percentage(pixels: dict[int, int], labels: Sequence[int]) -> str:
    """How many of all pixels have one of `labels`, in percent, for a message."""
    return f'{sum(pixels.get(label, 0) for label in labels) / sum(pixels.values()):.1%}'.replace('%', ' %')
