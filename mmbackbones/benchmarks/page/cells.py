"""Cells of the generated tables."""

from collections.abc import Iterable, Sequence

from ..table import Row


def select(rows: Iterable[Row], **columns: str) -> list[Row]:
    """The rows that have these values."""
    return [row for row in rows if all(row[key] == value for key, value in columns.items())]


def first(rows: Iterable[Row], **columns: str) -> Row | None:
    """The first of the rows that have these values."""
    return next(iter(select(rows, **columns)), None)


def number(text: str) -> str:
    """A number with at least two, and at most three digits unless it is larger."""
    value = float(text)
    return f'{value:.0f}' if value >= 100 else f'{value:.1f}' if value >= 10 else f'{value:.2f}'


def time(row: Row | None) -> str:
    """Milliseconds and their spread."""
    if row is None:
        return '-'
    if not row['median_ms']:
        return 'no memory'
    return f'{number(row["median_ms"])} ({number(row["p10_ms"])}-{number(row["p90_ms"])})'


def value(row: Row | None, column: str) -> str:
    """The number of a column."""
    return number(row[column]) if row is not None and row[column] else '-'


def percent(row: Row | None) -> str:
    """The share of the peak."""
    return f'{100 * float(row["share_of_peak"]):.0f} %' if row is not None and row['share_of_peak'] else '-'


def joined(cells: Sequence[str]) -> str:
    """Several numbers in one cell, or a dash for none."""
    return ' / '.join(cells) if set(cells) != {'-'} else '-'


def unique(rows: Iterable[Row], *columns: str) -> list[tuple[str, ...]]:
    """The different values of some columns, in the order of the rows."""
    return list(dict.fromkeys(tuple(row[column] for column in columns) for row in rows))
