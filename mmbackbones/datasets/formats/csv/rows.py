"""The rows of CSV files with boxes."""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from math import isfinite
from pathlib import Path
from sys import intern
from typing import NamedTuple

from ....errors import UserError
from ....utils.files import is_regular
from ....utils.text import short
from ...checks.image_sizes import parse_side
from .columns import Columns, find_columns

Box = tuple[float, float, float, float]

_DELIMITERS = ',;\t|'
_PEEK = 1 << 16  # bytes
_MAX_LINE = 1 << 20  # characters
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
    text = _peek(file)
    try:
        return next(_split(file, io.StringIO(text, newline=''), _delimiter(text)), (0, []))[1]
    except UserError:
        return []


def read_table(file: Path) -> list[list[str]]:
    """Read all rows of a CSV file with any of the usual delimiters, without empty ones.

    Raises:
        UserError: It is unreadable or malformed.
    """
    return [cells for _, cells in _read(file, _delimiter(_peek(file)))]


def read_rows(file: Path) -> tuple[Columns, list[Row]]:
    """Read a CSV file with boxes.

    Raises:
        UserError: It is unreadable or malformed; the message names the line.
    """
    delimiter = _delimiter(_peek(file))
    lines = _read(file, delimiter)
    number, first = next(lines, (0, []))
    columns = find_columns(first)
    if columns is None:
        raise UserError(f'{file} has no columns of images and boxes')
    parse = _Parser(file, columns)
    rows = []
    for line, cells in lines if columns.header else chain([(number, first)], lines):
        if delimiter == ';':  # in the tables of many countries, decimal commas
            cells = [re.sub(r'(?<=\d),(?=\d)', '.', cell) for cell in cells]
        try:
            rows.append(parse.row(cells, line))
        except _DefectError as error:
            raise UserError(f'{file}, line {line} {error}') from error
    return columns, rows


class _DefectError(Exception):
    """What is wrong with a row, as the end of a sentence."""


def _peek(file: Path) -> str:
    """The beginning of a file; nothing if it cannot be read."""
    try:
        if is_regular(file):
            with file.open('rb') as stream:
                return stream.read(_PEEK).decode('utf-8-sig', 'replace')
    except OSError:
        pass
    return ''


def _read(file: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a file, which is never in memory as a whole.

    Raises:
        UserError: It is unreadable or malformed.
    """
    try:
        if not is_regular(file):
            raise OSError('it is not a regular file')
        with file.open(encoding='utf-8-sig', newline='') as stream:
            yield from _split(file, _lines(stream), delimiter)
    except (OSError, ValueError) as error:
        raise UserError(f'{file} is not a readable text file: {error}') from error


def _lines(stream: io.TextIOWrapper) -> Iterator[str]:
    while line := stream.readline(_MAX_LINE):
        if len(line) == _MAX_LINE:
            raise csv.Error(f'it has more than {_MAX_LINE} characters')
        yield line


def _split(file: Path, lines: Iterable[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its last line."""
    reader = csv.reader(lines, delimiter=delimiter)
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num, cells
    except csv.Error as error:
        raise UserError(f'{file}, line {reader.line_num}, is not a row of a CSV file: {error}') from error


def _delimiter(text: str) -> str:
    line = re.sub('"[^"]*"', '', text.lstrip().partition('\n')[0])
    return max(_DELIMITERS, key=line.count)


class _Parser:
    """Called for millions of rows: columns are looked up once, and equal texts and sizes are kept once."""

    def __init__(self, file: Path, columns: Columns) -> None:
        self._file, self._columns = file, columns
        used = (columns.image, *columns.box, columns.label, columns.split, *(columns.size or ()), columns.crowd)
        self._width = 1 + max(index for index in used if index is not None)
        self._sizes: dict[tuple[str, str], tuple[int | None, int | None]] = {}

    def row(self, cells: list[str], line: int) -> Row:
        columns = self._columns
        cells = [cell.strip() for cell in cells]
        cells += [''] * (self._width - len(cells))
        image = intern(cells[columns.image])
        label = intern(cells[columns.label]) if columns.label is not None else ''
        split = intern(cells[columns.split]) if columns.split is not None else ''
        if not image:
            raise _DefectError('names no image')
        box = _parse_box([cells[index] for index in columns.box], columns)
        if box and not label and columns.label is not None:
            raise _DefectError('has a box, but no class')
        size = self._parse_size(cells[columns.size[0]], cells[columns.size[1]]) if columns.size else (None, None)
        crowd = columns.crowd is not None and cells[columns.crowd].lower() in _TRUE
        return Row(self._file, line, image, box, label, split, size, crowd)

    def _parse_size(self, width: str, height: str) -> tuple[int | None, int | None]:
        if (width, height) not in self._sizes:
            try:
                self._sizes[width, height] = parse_side(width), parse_side(height)
            except ValueError as error:
                raise _DefectError(f'has a size of the image, {error}, which is not a number of pixels') from error
        return self._sizes[width, height]


def _parse_box(cells: Sequence[str], columns: Columns) -> Box | None:
    """Left, top, width and height of the box; None if its cells are empty."""
    if not any(cells) or (len(cells) == 1 and not cells[0].strip('[]() ')):
        return None
    texts = _NUMBER.findall(cells[0]) if len(cells) == 1 else cells
    try:
        first, second, third, fourth = map(float, texts)
    except ValueError as error:
        raise _DefectError(f'needs four numbers for its box, but has {short(", ".join(cells))}') from error
    if columns.form == 'corners':
        third, fourth = third - first, fourth - second
    if not isfinite(first + second + third + fourth) or third < 0 or fourth < 0:
        raise _DefectError(f'has {short(", ".join(cells))}, which does not make a box')
    if columns.form == 'center':
        first, second = first - third / 2, second - fourth / 2
    return first, second, third, fourth
