"""A validation part for a data set that says nothing of one."""

import random
from collections.abc import Iterable

VAL_SHARE = 0.2  # of the images
SEED = 0


def divide(names: Iterable[str]) -> dict[str, set[str]]:
    """Names of the `train` and the `val` part, by a shuffle: the same for the same names in whatever order."""
    names = sorted(names)
    random.Random(SEED).shuffle(names)
    count = max(1, round(VAL_SHARE * len(names)))
    return {'train': set(names[count:]), 'val': set(names[:count])}


def describe_division(source: str, parts: dict[str, int]) -> str:
    """What a user is told of it; `parts` says how many images each has."""
    counts = ' and '.join(f'{split} ({images} images)' for split, images in parts.items())
    return f'{source}: no validation split is given, so it is split 80/20 by a fixed seed: {counts}'
