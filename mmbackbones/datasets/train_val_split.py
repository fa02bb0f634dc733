"""A validation part for a data set that says nothing of one."""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping

VAL_SHARE = 0.2  # of the images, and of those of each class
SEED = 0
_NO_CLASS = frozenset({None})  # images without objects are divided like those of one more class


def train_val_split(
    names: Iterable[str], classes: Mapping[str, Collection[Hashable]] | None = None
) -> dict[str, set[str]]:
    """Names of the `train` and the `val` part, drawn by a shuffle: the same for the same names in whatever order.

    Each class is divided, the rarest first, as far as the size of the parts allows it. Every class keeps an image to
    train on, if need be at the cost of the size of `val`; only `val` itself has to have an image, and one with objects
    if there are any.

    Args:
        names: of the images, each of its own.
        classes: for each name, the classes of what is in the image. Default: as if there was nothing in any.
    """
    names = sorted(names)
    random.Random(SEED).shuffle(names)
    content = {name: frozenset(classes[name] if classes else ()) or _NO_CLASS for name in names}
    by_class = defaultdict(list)
    for name in names:
        for label in content[name]:
            by_class[label].append(name)
    size = max(1, round(VAL_SHARE * len(names)))
    left = Counter({label: len(members) for label, members in by_class.items()})  # to train on
    val: set[str] = set()

    def take(candidates: Iterable[str], enough: int) -> None:
        for name in candidates:
            if min(enough, size - len(val)) <= 0:
                return
            if name in val or any(left[label] == 1 for label in content[name]):
                continue
            val.add(name)
            left.subtract(content[name])
            enough -= 1

    for label, members in sorted(by_class.items(), key=lambda item: (len(item[1]), str(item[0]))):
        share = max(1, round(VAL_SHARE * len(members)))
        take(members, share - (len(members) - left[label]))
    take(names, size)
    with_objects = [name for name in names if content[name] is not _NO_CLASS] or names
    if names and val.isdisjoint(with_objects):  # then some class has to do without a training image
        val.discard(next(iter(sorted(val)), None))
        val.add(min(with_objects, key=lambda name: sum(left[label] == 1 for label in content[name])))
    return {'train': set(names) - val, 'val': val}


def describe_train_val_split(source: str, parts: dict[str, int]) -> str:
    """What a user is told of it; `parts` says how many images each has."""
    counts = ' and '.join(f'{split} ({images} images)' for split, images in parts.items())
    return f'{source}: no validation split is given, so it is split 80/20 by a fixed seed: {counts}'
