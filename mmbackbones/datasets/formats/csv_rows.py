"""The rows of CSV files with boxes."""

import csv
import io
import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from ...errors import UserError
from ...utils.files import is_regular, read_text
from ...utils.text import short
from ..checks.image_sizes import parse_side
from .csv_columns import Columns, find_columns

Box = tuple[float, float, float, float]

_DELIMITERS = ',;\t|'
_PEEK = 1 << 16  # bytes
_TRUE = {'1', '1.0', 'true', 'yes'}
_NUMBER = re.compile(r'[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?|nan|inf', re.IGNORECASE)


class Row(NamedTuple):
    """A row of a file with boxes.

    Attributes:
        file: The file.
        line: Its number in the file.
        image: Name of the image as it is written.
        box: Left, top, width and height; None: the image has no object.
        label: The class; empty if there is no column of it.
        split: What its split is called; empty if there is no column of it.
        size: Width and height of the image; None where not given.
        crowd: Whether it is marked as a group of objects, or as difficult.
    """

    file: Path
    line: int
    image: str
    box: Box | None
    label: str
    split: str
    size: tuple[int | None, int | None]
    crowd: bool

    @property
    def where(self) -> str:
        """What messages call it."""
        return f'{self.file}, line {self.line}'


def read_first_row(file: Path) -> list[str]:
    """The first row of a CSV file; empty if there is none that can be read."""
    try:
        if not is_regular(file):
            return []
        with file.open('rb') as stream:
            text = stream.read(_PEEK).decode('utf-8-sig', 'replace')
        return next(_split(file, text), (0, []))[1]
    except (OSError, UserError):
        return []


def read_table(file: Path) -> list[list[str]]:
    """Read all rows of a CSV file with any of the usual delimiters, without empty ones.

    Raises:
        UserError: It is unreadable or malformed.
    """
    return [cells for _, cells in _split(file, read_text(file))]


def read_rows(file: Path) -> tuple[Columns, list[Row]]:
    """Read a CSV file with boxes.

    Raises:
        UserError: It is unreadable or malformed; the message names the line.
    """
    text = read_text(file)
    lines = list(_split(file, text))
    columns = find_columns(lines[0][1]) if lines else None
    if columns is None:
        raise UserError(f'{file} has no columns of images and boxes')
    if _delimiter(text) == ';':  # as German and French tables, with decimal commas
        lines = [(line, [re.sub(r'(?<=\d),(?=\d)', '.', cell) for cell in cells]) for line, cells in lines]
    return columns, [_parse_row(cells, columns, file, line) for line, cells in lines[columns.header :]]


def _split(file: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its last line."""
    reader = csv.reader(io.StringIO(text, newline=''), delimiter=_delimiter(text))
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UserError(f'{file}, line {reader.line_num}, is not a row of a CSV file: {error}') from error


def _delimiter(text: str) -> str:
    line = re.sub('"[^"]*"', '', text.lstrip().partition('\n')[0])
    return max(_DELIMITERS, key=line.count)


def _parse_row(cells: list[str], columns: Columns, file: Path, line: int) -> Row:
    where = f'{file}, line {line}'

    def get(index: int | None) -> str:
        return cells[index].strip() if index is not None and index < len(cells) else ''

    image, label = get(columns.image), get(columns.label)
    if not image:
        raise UserError(f'{where} names no image')
    try:
        size = (parse_side(get(columns.size[0])), parse_side(get(columns.size[1]))) if columns.size else (None, None)
    except ValueError as error:
        raise UserError(f'{where}: the size of the image, {error}, is not a number of pixels') from error
    box = _parse_box([get(index) for index in columns.box], columns, where)
    if box and not label and columns.label is not None:
        raise UserError(f'{where} has a box, but no class')
    return Row(file, line, image, box, label, get(columns.split), size, get(columns.crowd).lower() in _TRUE)


def _parse_box(cells: Sequence[str], columns: Columns, where: str) -> Box | None:
    """Left, top, width and height of the box; None if its cells are empty."""
    if not any(cell.strip('[]() ') for cell in cells):
        return None
    texts = _NUMBER.findall(cells[0]) if len(cells) == 1 else cells
    try:
        first, second, third, fourth = map(float, texts)
    except ValueError as error:
        raise UserError(f'{where} needs four numbers for its box, but has {short(", ".join(cells))}') from error
    if columns.form == 'corners':
        third, fourth = third - first, fourth - second
    if not all(map(math.isfinite, (first, second, third, fourth))) or third < 0 or fourth < 0:
        raise UserError(f'{where} has {short(", ".join(cells))}, which does not make a box')
    if columns.form == 'center':
        first, second = first - third / 2, second - fourth / 2
    return first, second, third, fourth
