"""Users' values in messages."""

from reprlib import Repr

_repr = Repr()
_repr.maxstring = _repr.maxother = 150


def short(value: object) -> str:
    """The `repr` of a value, cut to a length that fits into a sentence."""
    return _repr.repr(value)
