"""A user's values in messages."""

from reprlib import Repr

_repr = Repr()
_repr.maxstring = _repr.maxother = 150


def short(value: object) -> str:
    """As `repr`, but of a length that a sentence can hold."""
    return _repr.repr(value)
