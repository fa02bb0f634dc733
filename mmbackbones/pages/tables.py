"""Tables of a page, whose columns sort by a click."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

Cell = str | float | int | None


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes:
        name: Its heading.
        kind: ``text``; ``count``, a whole number; ``share``, a number from 0 to 1, with a bar behind it;
            ``score``, a score threshold; ``change``, a difference of shares, with its sign; or ``number``, any other.
        help: What it means, shown when the pointer rests on the heading.
        full: The share at which the bar is full.
    """

    name: str
    kind: str = 'text'
    help: str = ''
    full: float = 1.0

    @property
    def numeric(self) -> bool:
        """Whether it is sorted by number, and aligned right."""
        return self.kind != 'text'

    def text(self, value: Cell) -> str:
        """A cell as it is shown; a dash for what is not known."""
        if value is None or (isinstance(value, float) and not isfinite(value)):
            return '–'  # noqa: RUF001, a dash is meant
        if isinstance(value, str):
            return value
        if self.kind == 'count':
            return f'{value:,.0f}'
        if self.kind == 'number':
            return f'{value:.4g}'
        rounded = round(value, 3) + 0.0  # which has no -0
        return f'{rounded:.3f}' if self.kind != 'change' else f'{rounded:+.3f}'.replace('-', '−')  # noqa: RUF001

    def percent(self, value: Cell) -> str:
        """How full the bar of a share is."""
        if not isinstance(value, float | int) or not isfinite(value) or self.full <= 0:
            return '0%'
        return f'{min(max(100 * value / self.full, 0), 100):.1f}%'

    def sort_key(self, value: Cell) -> str:
        """What a cell is sorted by; empty for what is not known, which comes last."""
        if value is None or (isinstance(value, float) and not isfinite(value)):
            return ''
        return value if isinstance(value, str) else repr(float(value))


@dataclass(frozen=True)
class Table:
    """A table for the macro ``table`` of ``macros.html``.

    Attributes:
        columns: Its columns.
        rows: Its rows, a cell a column: text, a number, or None.
        sorted_by: Index of the column that the rows are sorted by already; None: by none.
        descending: Whether the largest comes first.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[Cell]]
    sorted_by: int | None = None
    descending: bool = False

    def records(self) -> list[dict[str, Any]]:
        """The rows as dicts from column to value, for the figures of a page; None for what is not known."""
        names = [column.name for column in self.columns]
        return [{name: _finite(value) for name, value in zip(names, row, strict=True)} for row in self.rows]


def _finite(value: Cell) -> Cell:
    return None if isinstance(value, float) and not isfinite(value) else value
