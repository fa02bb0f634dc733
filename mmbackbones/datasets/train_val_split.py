"""Train/val split for data sets without a val split."""

import random
from collections import Counter, defaultdict
from collections.abc import Collection, Hashable, Iterable, Mapping

from ..utils.text import counted

VAL_SHARE = 0.2  # of the images, and of those of each class
SEED = 0
_NO_CLASS = frozenset({None})  # images without objects are split like those of one more class


def train_val_split(
    names: Iterable[str], classes: Mapping[str, Collection[Hashable]] | None = None
) -> dict[str, set[str]]:
    """Split images at random, but equally for equal names in any order.

    Each class is split, the rarest first, as far as the size of the splits allows. Every class keeps a training image,
    if need be at the cost of the size of ``val``. But ``val`` always has an image, and one with objects if there are
    any.

    Args:
        names: Names of the images, without duplicates.
        classes: Classes of the objects in each image. Default: no image has objects.

    Returns:
        Names of the images in ``train`` and in ``val``.
    """
    names = sorted(names)
    random.Random(SEED).shuffle(names)
    content: dict[str, frozenset[Hashable]] = {
        name: frozenset(classes[name] if classes else ()) or _NO_CLASS for name in names
    }
    by_class = defaultdict(list)
    for name in names:
        for label in content[name]:
            by_class[label].append(name)
    size = max(1, round(VAL_SHARE * len(names)))
    left = Counter({label: len(members) for label, members in by_class.items()})  # training images of each class
    val: set[str] = set()

    def take(candidates: Iterable[str], count: int) -> None:
        for name in candidates:
            if min(count, size - len(val)) <= 0:
                return
            if name in val or any(left[label] == 1 for label in content[name]):
                continue
            val.add(name)
            left.subtract(content[name])
            count -= 1

    for label, members in sorted(by_class.items(), key=lambda item: (len(item[1]), str(item[0]))):
        share = max(1, round(VAL_SHARE * len(members)))
        take(members, share - (len(members) - left[label]))
    take(names, size)
    with_objects = [name for name in names if content[name] is not _NO_CLASS] or names
    if names and val.isdisjoint(with_objects):  # then some class has to go without a training image
        if val:
            val.remove(min(val))
        val.add(min(with_objects, key=lambda name: sum(left[label] == 1 for label in content[name])))
    return {'train': set(names) - val, 'val': val}


def describe_train_val_split(source: str, sizes: dict[str, int]) -> str:
    """A note on the split.

    Args:
        source: What has no val split.
        sizes: Number of images in each split.
    """
    counts = ' and '.join(f'{split} ({counted(images, "image")})' for split, images in sizes.items())
    return f'{source}: no validation split is given, so it is split 80/20 by a fixed seed: {counts}'
