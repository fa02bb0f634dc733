"""Users' values and numbers in messages."""

from reprlib import Repr

MAX_MESSAGE = 4000  # characters, more than any that is meant to be so

_repr = Repr()
_repr.maxstring = _repr.maxother = 150


def short(value: object) -> str:
    """The `repr` of a value, cut to a length that fits into a sentence."""
    return _repr.repr(value)


def advise_on_missing(number: int) -> str:
    """The end of a sentence on files that annotations name, but that are not there."""
    it = 'it' if number == 1 else 'them'
    return f'add {it}, or remove {it} from the annotations'


def counted(number: int, noun: str, plural: str | None = None) -> str:
    """A number with its noun: ``1 image``, ``2 images``.

    Args:
        number: How many.
        noun: The noun for one.
        plural: The noun for any other number; by default `noun` with an "s".
    """
    return f'{number} {noun if number == 1 else plural or f"{noun}s"}'


def clipped(text: str) -> str:
    """A message without its middle, if it is so long that what it quotes must be a whole file."""
    return text if len(text) <= MAX_MESSAGE else f'{text[: MAX_MESSAGE // 2]} ... {text[-MAX_MESSAGE // 2 :]}'


def duration(seconds: float) -> str:
    """A length of time in words: ``8 s``, ``12 min 5 s``, ``3 h 20 min``, ``2 d 4 h``."""
    whole = round(seconds)
    for unit, size, smaller, part in (('d', 86400, 'h', 3600), ('h', 3600, 'min', 60), ('min', 60, 's', 1)):
        if whole >= size:
            rest = whole % size // part
            return f'{whole // size} {unit}' + (f' {rest} {smaller}' if rest else '')
    return f'{whole} s'
