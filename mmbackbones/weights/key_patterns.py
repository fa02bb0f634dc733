"""Long lists of keys in few words, which still name every key."""

from collections import Counter
from collections.abc import Collection, Iterator

from .state_dict import printable_key


def describe_keys(keys: Collection[str], among: Collection[str]) -> str:
    """Name keys, those of a whole part by the part's name: ``neck.* (8 keys)``.

    A ``*`` at the end stands for everything below a part, one in the middle for any number. A pattern is used only
    where each key that it matches is one of `keys`, so what is named is neither more nor less than these.

    Args:
        keys: The keys to name.
        among: Every key there is, `keys` included.

    Returns:
        Keys and patterns, the longer the rarer, separated by commas; empty for no keys.
    """
    of_all = Counter(pattern for key in among for pattern in _patterns(key))
    of_these = Counter(pattern for key in keys for pattern in _patterns(key))
    chosen = Counter(
        next((pattern for pattern in _patterns(key) if of_these[pattern] == of_all[pattern] > 1), key) for key in keys
    )
    return ', '.join(
        f'{printable_key(pattern)} ({count} keys)' if count > 1 else printable_key(pattern)
        for pattern, count in chosen.items()
    )


def _patterns(key: str) -> Iterator[str]:
    """Patterns that match a key, each once, from the widest to the narrowest."""
    if key.startswith('ema_') and '.' not in key:  # MMCV joins the parts of averaged copies' names by underscores
        yield 'ema_*'
    parts = key.split('.')
    seen = set()
    for length in range(1, len(parts) + 1):
        for start in (['*' if part.isdigit() else part for part in parts[:length]], parts[:length]):
            pattern = '.'.join(start if length == len(parts) else [*start, '*'])
            if pattern not in seen:
                seen.add(pattern)
                yield pattern
