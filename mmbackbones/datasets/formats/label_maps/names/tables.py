"""Tables of names and colors, as CamVid, CVAT and Kaggle's data sets have them, and Roboflow's table of values."""

import csv
import re
from collections.abc import Iterable
from pathlib import Path

from .....errors import UserError
from .....utils.text import short
from ...base import LabelNames
from .text import check_names, read_lines
from .values import from_values, is_background, is_ignored

Color = int  # 0xRRGGBB
Row = tuple[str, Color]
_LABEL_COLORS = re.compile(r'(\d+)[\s,]+(\d+)[\s,]+(\d+)[\s,]+(.+)')


def read_class_dict(file: Path) -> list[Row]:
    """`class_dict.csv`: a header `name,r,g,b` and a row per class."""
    rows = _read_rows(file)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    columns = [
        _column(header, names) for names in (('name', 'class', 'label'), ('r', 'red'), ('g', 'green'), ('b', 'blue'))
    ]
    if None in columns:
        raise UserError(f'{file} must begin with the line name,r,g,b, but begins with {short(",".join(header))}')
    found = []
    for number, row in enumerate(rows[1:], 2):
        cells = [row[column].strip() if column is not None and column < len(row) else '' for column in columns]
        if any(cells):
            found.append((cells[0], _color(cells[1:], f'{file}, line {number}')))
    return _checked(file, found)


def read_label_colors(file: Path) -> list[Row]:
    """CamVid's `label_colors.txt`: lines of `R G B name`."""
    found = []
    for number, line in _content(read_lines(file)):
        match = _LABEL_COLORS.fullmatch(line)
        if not match:
            raise UserError(f'{file}, line {number}: {short(line)} must be R G B NAME, such as: 64 0 128 Car')
        found.append((match[4].strip(), _color(match.groups()[:3], f'{file}, line {number}')))
    return _checked(file, found)


def read_labelmap(file: Path) -> list[Row]:
    """CVAT's `labelmap.txt`: lines of `name:r,g,b:parts:actions`."""
    found = []
    for number, line in _content(read_lines(file)):
        name, _, rest = line.partition(':')
        if not rest:
            raise UserError(f'{file}, line {number}: {short(line)} must be name:r,g,b::, such as car:64,0,128::')
        found.append((name.strip(), _color(rest.split(':')[0].split(','), f'{file}, line {number}')))
    return _checked(file, found)


def read_pixel_values(file: Path) -> LabelNames:
    """Roboflow's `_classes.csv`: a header `Pixel Value, Class` and a row per class."""
    rows = _read_rows(file)
    header = [cell.strip().lower() for cell in rows[0]] if rows else []
    if header[:2] != ['pixel value', 'class']:
        raise UserError(
            f'{file} must begin with the line "Pixel Value, Class", but begins with {short(",".join(header))}'
        )
    names: dict[int, str] = {}
    for number, row in enumerate(rows[1:], 2):
        if not any(cell.strip() for cell in row):
            continue
        value = row[0].strip()
        if len(row) < 2 or not value.isascii() or not value.isdigit() or len(value) > 5 or int(value) > 255:
            raise UserError(
                f'{file}, line {number}: {short(",".join(row))} must be a pixel value from 0 to 255 and a name'
            )
        if int(value) in names:
            raise UserError(f'{file}, line {number}: the pixel value {value} is given twice')
        names[int(value)] = row[1].strip()
    check_names(file, list(names.values()))
    return from_values(file, names)


def from_colors(file: Path, rows: Iterable[Row], extra: Iterable[Color] = ()) -> LabelNames:
    """Names of the labels of color images.

    Args:
        file: What tells the names.
        rows: Name and color of each class.
        extra: Colors that are ignored unless they are those of a class.
    """
    return from_values(file, {color: name for name, color in rows}, by_color=True, ignored=extra)


def from_rows(file: Path, rows: Iterable[Row]) -> LabelNames:
    """Names of the labels of label maps that hold the numbers of the rows, counted from 0."""
    return from_values(file, dict(enumerate(name for name, _ in rows)))


def _content(lines: list[str]) -> list[tuple[int, str]]:
    """Number and text of the lines that are neither blank nor comments."""
    numbered = [(number, line.strip()) for number, line in enumerate(lines, 1)]
    return [(number, line) for number, line in numbered if line and not line.startswith('#')]


def _read_rows(file: Path) -> list[list[str]]:
    try:
        return list(csv.reader(read_lines(file), skipinitialspace=True))
    except csv.Error as error:
        raise UserError(f'{file} is not a readable CSV file: {error}') from error


def _column(header: list[str], names: tuple[str, ...]) -> int | None:
    return next((header.index(name) for name in names if name in header), None)


def _color(parts: Iterable[str], where: str) -> Color:
    parts = [part.strip() for part in parts]
    if len(parts) != 3 or not all(re.fullmatch('[0-9]{1,3}', part) and int(part) < 256 for part in parts):
        raise UserError(f'{where}: {short(",".join(parts))} must be a color of three numbers from 0 to 255')
    red, green, blue = map(int, parts)
    return red << 16 | green << 8 | blue


def _checked(file: Path, rows: list[Row]) -> list[Row]:
    """The rows, which must differ in name and color; CVAT adds a background in black even if another class is black."""
    check_names(file, [name for name, _ in rows])
    colors: dict[Color, str] = {}
    for name, color in sorted(rows, key=lambda row: is_background(row[0])):
        if color in colors and not (is_background(name) and is_ignored(colors[color])):
            raise UserError(
                f'{file}: {colors[color]!r} and {name!r} have the same color, so that they cannot be told apart'
            )
        colors.setdefault(color, name)
    return [(name, color) for name, color in rows if colors[color] == name]
