"""Comparison of class lists: those of all splits of a data set, and that of a checkpoint."""

import re
from collections.abc import Collection, Iterable

from ...errors import UserError
from ...utils.text import short

_MAX_LISTED = 8  # class names in a message


def check_same_classes(
    found: Iterable[str], expected: Iterable[str], name: str, whose: str, occurring: Collection[str] | None = None
) -> None:
    """Check that two class lists hold the same classes, in any order.

    Args:
        found: Classes of `name`.
        expected: Classes of `whose`.
        name: What has the classes `found`, for messages.
        whose: What has the classes `expected`, for messages.
        occurring: The classes of `found` that some object has, if it is enough that these are among the `expected`
            ones. Default: both lists have to be equal.

    Raises:
        UserError: The lists differ; with the classes that are missing and those that are not expected.
    """
    found, expected = set(found), set(expected)
    if occurring is not None and expected.issuperset(occurring):
        return
    differences = {'missing': expected - found, 'unexpected': found - expected}
    if texts := [f'{what}: {_listing(names)}' for what, names in differences.items() if names]:
        raise UserError(f'{name}: its classes differ from {whose}; {"; ".join(texts)}')


def _listing(names: set[str]) -> str:
    shown = [short(name) for name in sorted(names, key=str)[:_MAX_LISTED]]
    return ', '.join(shown) + (f' and {len(names) - _MAX_LISTED} more' if len(names) > _MAX_LISTED else '')


def describe_similar(names: Iterable[str]) -> list[str]:
    """A note on the first two classes whose names differ in case, spaces, hyphens or underscores only, if there are."""
    seen: dict[str, str] = {}
    for name in names:
        key = re.sub(r'[\s_-]+', ' ', name).strip().casefold()
        if (other := seen.setdefault(key, name)) != name:
            return [f'{short(other)} and {short(name)} are two classes: give them one name if they are the same']
    return []
