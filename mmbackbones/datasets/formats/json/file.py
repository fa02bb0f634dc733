"""JSON files of annotation tools: reading one, and the values that most of them have."""

from pathlib import Path
from typing import Any

from ....errors import UserError
from ....utils.files import read_bytes
from ....utils.json_text import parse_json
from ....utils.text import short
from ...checks.annotations import MAX_COORDINATE, NUMBER_TYPES
from ...checks.image_sizes import parse_side


def read_json(file: Path) -> Any:
    """Read a JSON file in UTF-8, UTF-16 or UTF-32, with or without a byte order mark.

    Raises:
        UserError: It cannot be read, is not JSON, or takes more memory than there is.
    """
    try:
        return parse_json(read_bytes(file))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f'{file} is not a readable JSON file: {error}') from error


def get_list(data: dict[str, Any], key: str, where: object) -> list[dict[str, Any]]:
    """The list of objects under a key.

    Raises:
        UserError: There is none.
    """
    value = data.get(key)
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise UserError(f'{where}: "{key}" must be a list of objects, but is {short(value)}')
    return value


def get_name(value: object, where: object) -> str:
    """The name of a class; numbers are names as well.

    Raises:
        UserError: It is empty, or neither text nor a whole number.
    """
    name = str(value).strip() if isinstance(value, str) or type(value) is int else ''
    if not name:
        raise UserError(f'{where} needs the name of a class, but has {short(value)}')
    return name


def get_size(width: object, height: object, where: object) -> tuple[int | None, int | None]:
    """The stated width and height of an image; None where nothing is stated.

    Raises:
        UserError: One is not a number of pixels.
    """
    try:
        return parse_side(width), parse_side(height)
    except ValueError as error:
        raise UserError(f'{where}: the size of the image, {error}, is not a number of pixels') from error


def get_numbers(values: object, where: object) -> list[float]:
    """Coordinates or lengths in pixels.

    Raises:
        UserError: They are not a list of finite numbers below 1e15.
    """
    if not isinstance(values, list) or not NUMBER_TYPES.issuperset(map(type, values)):
        raise UserError(f'{where} needs numbers as coordinates, but has {short(values)}')
    if wrong := [value for value in values if not -MAX_COORDINATE < value < MAX_COORDINATE]:
        raise UserError(f'{where} has the coordinate {short(wrong[0])}, which is not finite and below 1e15')
    return [float(value) for value in values]


def get_points(values: object, where: object) -> list[tuple[float, float]]:
    """Points ``[[x, y], ...]`` in pixels.

    Raises:
        UserError: They are something else.
    """
    if not isinstance(values, list) or not all(isinstance(point, list) and len(point) == 2 for point in values):
        raise UserError(f'{where} needs points [[x, y], ...], but has {short(values)}')
    numbers = iter(get_numbers([number for point in values for number in point], where))
    return list(zip(numbers, numbers, strict=True))
