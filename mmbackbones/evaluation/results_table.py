"""``results.csv``: a row for each validation of a training run."""

import csv
from collections.abc import Sequence
from io import StringIO
from math import isnan
from pathlib import Path

from ..errors import UserError, printable
from ..utils.atomic_write import atomic_write
from ..utils.result_columns import WHOLE, Row, columns_of

RESULTS = 'results.csv'  # name of the file in a work directory


def write_results_csv(rows: Sequence[Row], path: Path) -> None:
    """Write rows to a CSV file, atomically.

    Args:
        rows: A row a validation, the first one first. What a row lacks is an empty cell.
        path: The file to write.

    Raises:
        OSError: The file cannot be written.
    """
    with atomic_write(path, make_folder=False) as partial:
        partial.write_bytes(results_csv(rows))


def results_csv(rows: Sequence[Row]) -> bytes:
    """The content of the file that :func:`write_results_csv` writes."""
    columns, text = columns_of(rows), StringIO()
    table = csv.writer(text, lineterminator='\n')
    # A class name may hold line breaks, or half of a letter that no encoding has.
    table.writerow(printable(name) for name in columns)
    table.writerows([_cell(name, row.get(name)) for name in columns] for row in rows)
    return text.getvalue().encode()


def _cell(name: str, value: float | None) -> str:
    if value is None or isnan(value):
        return ''
    return str(int(value)) if name in WHOLE else f'{value:.7g}'


def read_results_csv(path: Path) -> list[Row]:
    """Read the rows of a ``results.csv``.

    Args:
        path: The file.

    Returns:
        A row a validation, the first one first: column and value, in the order of the file. Empty cells are left out.

    Raises:
        UserError: The file cannot be read, or is no such table.
    """
    try:
        with path.open(encoding='utf-8', newline='') as file:
            lines = csv.reader(file)
            columns = next(lines, [])
            if len(set(columns)) != len(columns) or not set(WHOLE) <= set(columns):
                raise ValueError('its first line does not name the columns')
            return [_row(columns, cells, number) for number, cells in enumerate(lines, 2) if cells]
    except OSError as error:
        raise UserError(f'cannot read {path}: {error.strerror or error}') from error
    except (ValueError, csv.Error) as error:
        raise UserError(f'{path} is not a table of results: {printable(str(error))}') from error


def _row(columns: list[str], cells: list[str], number: int) -> Row:
    if len(cells) != len(columns):
        raise ValueError(f'row {number} has {len(cells)} cells, and there are {len(columns)} columns')
    try:
        return {name: float(cell) for name, cell in zip(columns, cells, strict=True) if cell}
    except ValueError:
        raise ValueError(f'row {number} holds something that is not a number') from None
