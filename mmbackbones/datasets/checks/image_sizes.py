"""Sizes that a file of annotations gives for its images, against those of the image files."""

from ...utils.text import short
from .images import ImageInfo


def parse_side(value: object) -> int | None:
    """A width or height in pixels, however it is written; None if it is not said: missing, empty, zero, or below.

    Raises:
        ValueError: it is no whole number.
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
    """What is wrong if an image, said to be of the width and height `given`, is what was `found`."""
    if all(side in (None, real) for side, real in zip(given, found.size, strict=True)):
        return None
    said = 'is said to be {}x{} pixels, but its file'.format(*('?' if side is None else side for side in given))
    if found.orientation == 1:
        return f'{said} is {found.width}x{found.height}'
    return (
        f'{said}, turned by its EXIF orientation as in training, is {found.width}x{found.height}; boxes that were '
        'drawn on the image as it is stored would be anywhere'
    )
