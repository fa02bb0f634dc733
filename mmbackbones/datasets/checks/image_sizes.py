"""Image sizes that annotations state, compared with those of the image files."""

from ...utils.text import short
from .images import ImageInfo


def parse_side(value: object) -> int | None:
    """Read a width or height.

    Args:
        value: A number or text, as it stands in a user's file.

    Returns:
        Pixels, or None if nothing is stated: the value is missing, empty, zero or negative.

    Raises:
        ValueError: It is not a whole number; the message is the value.
    """
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    try:
        number = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
    except (ValueError, OverflowError):
        number = None
    if number is None or not number.is_integer():
        raise ValueError(short(value))
    return int(number) if number > 0 else None


def describe_size_mismatch(given: tuple[int | None, int | None], found: ImageInfo) -> str | None:
    """How the stated size of an image contradicts its file.

    Args:
        given: Stated width and height in pixels; None where nothing is stated.
        found: The image file.

    Returns:
        The end of a sentence that begins with the image, or None if the file has the stated size or cannot be read.
    """
    if not found.is_readable or all(side in (None, real) for side, real in zip(given, found.size, strict=True)):
        return None
    stated = 'is said to be {}x{} pixels, but its file'.format(*('?' if side is None else side for side in given))
    if found.orientation == 1:
        return f'{stated} is {found.width}x{found.height}'
    return (
        f'{stated}, turned by its EXIF orientation as in training, is {found.width}x{found.height}; boxes drawn on the '
        'stored pixels would be misplaced'
    )
