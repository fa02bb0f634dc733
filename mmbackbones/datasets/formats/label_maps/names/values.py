"""Names of known values, and what some names mean."""

from collections.abc import Iterable
from pathlib import Path

from .....errors import UserError
from ...base import LabelNames

_IGNORED = {'void', 'unlabeled', 'unlabelled', 'ignore', 'ignored'}


def is_background(name: str) -> bool:
    """Whether a name stands for what no class covers."""
    return name.strip('_').lower() == 'background'


def is_ignored(name: str) -> bool:
    """Whether a name stands for pixels that nobody has labeled."""
    return name.strip('_').lower() in _IGNORED


def from_values(file: Path, names: dict[int, str], by_color: bool = False, ignored: Iterable[int] = ()) -> LabelNames:
    """Names of known values: a background is a class of its own, and what is called void or ignored is ignored.

    Args:
        file: What tells the names.
        names: Value -> its name.
        by_color: Whether the values are colors.
        ignored: Values that are ignored unless they have a name.

    Raises:
        UserError: There is no class.
    """
    void = {value: name for value, name in names.items() if is_ignored(name)}
    rest = {value: name for value, name in names.items() if value not in void}
    background = next((value for value, name in rest.items() if is_background(name)), None)
    classes = {value: name for value, name in rest.items() if value != background}
    if not classes:
        raise UserError(f'{file} names no class beside {" and ".join(map(repr, names.values()))}')
    return LabelNames(
        file,
        tuple(classes.values()),
        values=tuple(classes),
        background_value=0 if background is None else background,
        background_name=None if background is None else names[background].strip('_'),
        background=None if background is None else 'class',
        ignored=frozenset(void) | (set(ignored) - set(names)),
        ignored_names=void,
        by_color=by_color,
    )
