"""Which class each value in label maps stands for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from ...utils.text import counted
from .label_maps import IGNORE_INDEX, MAX_BYTE

MAX_ROWS = 40  # of a table that is printed


class LabelRow(NamedTuple):
    """What a value in label maps stands for.

    Attributes:
        value: The value as text, colors as ``(r, g, b)``.
        name: Name of the class; None: pixels of this value are ignored.
        share: Share of all pixels that have the value, from 0 to 1.
    """

    value: str
    name: str | None
    share: float


@dataclass(frozen=True)
class LabelTable:
    """Which class each value in label maps stands for.

    Attributes:
        names: Names of the classes; the index is what the model predicts.
        classes: Value -> index of its class, of all values that are not ignored.
        ignored: Values whose pixels are ignored.
        background: ``class``: what no object covers is a class of its own; ``ignore``: it is ignored; None: the values
            tell of no background.
        ignore_label: The value that the user ignores.
        by_color: Whether values are colors, 0xRRGGBB.
    """

    names: tuple[str, ...]
    classes: dict[int, int]
    ignored: frozenset[int]
    background: str | None = None
    ignore_label: int | None = None
    by_color: bool = False

    @classmethod
    def consecutive(cls, names: Sequence[str], background: str, ignore_label: int | None = None) -> 'LabelTable':
        """The table of names in the order of the labels, as in a file that lists names only.

        Args:
            names: Names of the classes.
            background: ``ignore``: label 0 is ignored and label n is the n-th name; ``class``: label 0 is the first.
            ignore_label: See :class:`LabelTable`.
        """
        first = 1 if background == 'ignore' else 0
        ignored = {*range(first), IGNORE_INDEX} | (set() if ignore_label is None else {ignore_label})
        classes = {label: index for index, label in enumerate(range(first, first + len(names))) if label not in ignored}
        return cls(tuple(names), classes, frozenset(ignored), background, ignore_label)

    @property
    def in_indices(self) -> bool:
        """Whether label maps must be converted to the indices of the classes, because values do not fit into bytes."""
        largest = max(self.classes, default=0)
        crowded = largest == IGNORE_INDEX and max(self.ignored, default=0) > MAX_BYTE  # what is ignored becomes 255
        return self.by_color or largest > MAX_BYTE or crowded

    @property
    def settings(self) -> dict[str, Any]:
        """How :class:`~mmbackbones.datasets.paired_seg_dataset.PairedSegDataset` reads the label maps."""
        # Only values that change are listed: where none does, nothing is mapped.
        reduced = not self.in_indices and self.background == 'ignore' and self.ignored.issuperset({0, IGNORE_INDEX})
        indices = {} if self.in_indices else {value: self.index(value) for value in (*self.classes, *self.ignored)}
        always = {0, IGNORE_INDEX} if reduced else {IGNORE_INDEX}  # are ignored if nothing is listed
        changed = {
            value: index
            for value, index in sorted(indices.items())
            if value <= MAX_BYTE and index != (IGNORE_INDEX if value in always else value - reduced)
        }
        return dict(
            values=list(changed),
            labels=list(changed.values()),
            reduce_zero_label=reduced,
            background=self.background,
            ignore_label=self.ignore_label,
        )

    @property
    def numbers(self) -> tuple[int, ...]:
        """The value that stands for each class in label maps that others are to read as these.

        Of several values of a class it is the first. Colors are no numbers: classes that they stand for are counted
        from 0, as in the label maps that they are converted to. A class whose value is ignored keeps that value.
        """
        if self.by_color:
            return tuple(range(len(self.names)))
        first: dict[int, int] = {}
        for value, index in self.classes.items():
            first.setdefault(index, value)
        ignored = IGNORE_INDEX if self.ignore_label is None else self.ignore_label
        return tuple(first.get(index, ignored) for index in range(len(self.names)))

    def index(self, value: int) -> int:
        """Index of the class of a value; 255 if its pixels are ignored."""
        return self.classes.get(value, IGNORE_INDEX)

    def name(self, value: int) -> str | None:
        """Name of the class of a value; None if its pixels are ignored or it stands for nothing."""
        return self.names[self.classes[value]] if value in self.classes else None

    def show(self, value: int) -> str:
        """A value as text: a color as ``(r, g, b)``."""
        return show_color(value) if self.by_color else str(value)

    def reorder(self, names: Sequence[str]) -> 'LabelTable':
        """The same table with the classes in another order.

        Args:
            names: All names, in the order asked for.
        """
        order = {name: index for index, name in enumerate(names)}
        classes = {value: order[self.names[index]] for value, index in self.classes.items()}
        return replace(self, names=tuple(names), classes=classes)

    def rows(self, pixels: Mapping[int, int]) -> tuple[LabelRow, ...]:
        """What each value stands for, in rising order; ignored ones only if they occur.

        Args:
            pixels: Number of pixels of each value that occurs.
        """
        total = sum(pixels.values()) or 1
        return tuple(
            LabelRow(self.show(value), self.name(value), pixels.get(value, 0) / total)
            for value in sorted({*self.classes, *pixels})
        )


def show_color(value: int) -> str:
    """A color 0xRRGGBB as ``(r, g, b)``."""
    return f'({value >> 16}, {value >> 8 & 255}, {value & 255})'


def format_rows(rows: Sequence[LabelRow]) -> list[str]:
    """Rows as lines of text under a header, at most :data:`MAX_ROWS` of them."""
    shown = [(row.value, 'ignored' if row.name is None else repr(row.name), percent(row.share)) for row in rows]
    return align([('value', 'class', 'pixels'), *shown], MAX_ROWS + 1, 'more value')


def align(rows: Sequence[Sequence[str]], most: int, more: str) -> list[str]:
    """Rows as lines of text, indented, their columns aligned.

    Args:
        rows: A header, and rows of as many columns.
        most: Number of lines after which the rest is counted only.
        more: What one of the rest is called.
    """
    widths = [max(map(len, column)) for column in zip(*rows[:most], strict=True)]
    lines = ['  ' + '  '.join(map(str.ljust, row, widths)).rstrip() for row in rows[:most]]
    return lines + ([f'  and {counted(len(rows) - most, more)}'] if len(rows) > most else [])


def percent(share: float) -> str:
    """A share from 0 to 1 in percent, for a message."""
    return f'{share:.1%}'.replace('%', ' %')
