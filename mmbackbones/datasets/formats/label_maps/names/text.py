"""Small text files with names."""

import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from .....errors import UserError
from .....utils.files import is_regular, read_text

MAX_CLASSES = 254  # labels are bytes, and 255 is ignored, as is 0 in most data sets
MAX_BYTES = 1_000_000  # of a file with so few names


def read_lines(file: Path) -> list[str]:
    """The lines of a file; blank ones at its end are left out.

    Raises:
        UserError: It is no text file, or too large.
    """
    try:
        size = file.stat().st_size if is_regular(file) else 0
    except OSError:
        size = 0  # read_text says what is wrong
    if size > MAX_BYTES:
        raise UserError(f'{file} has {size} bytes: too large for 1 to {MAX_CLASSES} names')
    lines = re.split('\r\n|\n|\r', read_text(file).rstrip())  # `splitlines` splits at other characters as well
    return lines if any(lines) else []


def check_names(file: Path, names: Sequence[str]) -> None:
    """Check that names are few, and that each is given once.

    Raises:
        UserError: A name is missing or occurs twice, or there are none or too many.
    """
    if not 1 <= len(names) <= MAX_CLASSES:
        raise UserError(f'{file} must name 1 to {MAX_CLASSES} labels, but names {len(names)}')
    if '' in names:
        raise UserError(f'{file} has no name for class {names.index("") + 1}')
    twice = next((name for name, times in Counter(names).items() if times > 1), None)
    if twice is not None:
        raise UserError(f'{file}: {twice!r} names more than one label')
