"""The class list that all parts of a data set, and a model trained before, have to share."""

from collections.abc import Collection, Iterable

from ...errors import UserError
from ...utils.text import short


def check_same_classes(
    found: Iterable[str], expected: Iterable[str], name: str, whose: str, occurring: Collection[str] | None = None
) -> None:
    """Raise UserError unless both hold the same classes, in whatever order; `name` has those `found`.

    Args:
        occurring: the classes of `found` that some object has, if these alone have to be expected; what is expected
            need not be found then, either.
    """
    found, expected = set(found), set(expected)
    if occurring is not None and expected.issuperset(occurring):
        return
    lists = {'lacks': expected - found, 'has besides': found - expected}
    if texts := [f'it {verb} {_listing(names)}' for verb, names in lists.items() if names]:
        raise UserError(f'{name}: its classes differ from {whose}: {" and ".join(texts)}.')


def _listing(names: set[str]) -> str:
    shown = [short(name) for name in sorted(names, key=str)[:8]]
    return ', '.join(shown) + (f' and {len(names) - 8} more' if len(names) > 8 else '')
