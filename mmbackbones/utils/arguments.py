"""Checks of the arguments that a caller in Python gave; the command checks its own."""

import os
from numbers import Real
from pathlib import Path

from ..errors import UserError


def check_counts(**given: object) -> None:
    """Raise UserError unless each value is None or a whole number of at least 1."""
    for name, value in given.items():
        if value is not None and (type(value) is not int or value < 1):
            raise UserError(f'{name} must be a whole number of at least 1, got {value!r}')


def check_switches(**given: object) -> None:
    """Raise UserError unless each value is True or False."""
    for name, value in given.items():
        if not isinstance(value, bool):
            raise UserError(f'{name} must be True or False, got {value!r}')


def check_share(name: str, value: object) -> None:
    """Raise UserError unless a value is a number from 0 to 1."""
    if isinstance(value, bool) or not isinstance(value, Real) or not 0 <= float(value) <= 1:
        raise UserError(f'{name} must be a number from 0 to 1, got {value!r}')


def checked_folder(name: str, value: object) -> Path:
    """A folder that was given, which need not be there; raise UserError if it is none."""
    if not isinstance(value, str | os.PathLike) or not os.fspath(value) or '\0' in str(value):
        raise UserError(f'{name} must be a folder, got {value!r}')
    return Path(value)
