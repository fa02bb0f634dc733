"""Images and the label maps that belong to them, by their names."""

import os
from bisect import bisect
from collections.abc import Container
from difflib import get_close_matches
from pathlib import Path

from ...errors import UserError
from ...utils.files import list_files
from ..checks.images import SUFFIXES, describe_losses, read_images
from ..checks.label_maps import Pair, read_label_maps

MOST_COMPARED = 1000  # names that the nearest to a missing one is looked for in: comparing takes its time


def read_pairs(root: Path, folder: str, notes: list[str]) -> list[Pair]:
    """Pair the files below `images/{folder}` and `annotations/{folder}` of `root`, and look into each.

    What is worth telling is added to `notes`.

    Raises:
        UserError: a label map is missing, a file unreadable, or the two of a pair differ in size.
    """
    image_dir, label_dir = root / 'images' / folder, root / 'annotations' / folder
    images, labels = _by_stem(image_dir, SUFFIXES), _by_stem(label_dir, {'.png'})
    if not images:
        raise UserError(f'{image_dir} holds no images.')
    if missing := [stem for stem in images if stem not in labels]:
        stem = missing[0]
        unpaired = sorted(set(list_files(label_dir, SUFFIXES)) - {labels.get(stem) for stem in images})
        place = max(0, bisect(unpaired, stem) - MOST_COMPARED // 2)
        nearest = get_close_matches(f'{stem}.png', unpaired[place : place + MOST_COMPARED], n=1, cutoff=0)
        hint = f'; of what has no image there, {nearest[0]} is the nearest to it' if nearest else ''
        raise UserError(
            f'{label_dir} lacks the label maps of {len(missing)} of the {len(images)} images: '
            f'{images[stem]} needs the PNG {stem}.png{hint}.'
        )
    if spare := [name for stem, name in labels.items() if stem not in images]:
        notes.append(
            f'annotations/{folder}: left out, because it has no image: {spare[0]}'
            + f' and {len(spare) - 1} more' * (len(spare) > 1)
        )
    found = read_images(root, image_dir, list(images.values()), str(image_dir))
    if lines := [(stem, info) for stem, info in zip(images, found, strict=True) if min(info.size) == 1]:
        stem, info = lines[0]
        raise UserError(
            f'{image_dir / images[stem]} is {info.width}x{info.height} pixels: MMSegmentation cannot read '
            f'label maps of one row or column; {len(lines)} of {len(images)} images are such.'
        )
    notes += describe_losses(list(images.values()), found, f'images/{folder}')
    maps = read_label_maps(root, label_dir, [labels[stem] for stem in images], str(label_dir))
    wrong = [item for item in zip(images, found, maps, strict=True) if item[1].size != item[2].size]
    if wrong:
        stem, info, label = wrong[0]
        turned = ', turned by its EXIF orientation as in training' if info.orientation > 4 else ''
        raise UserError(
            '{} is {}x{} pixels, but its image {} is {}x{}{}; {} of {} pairs differ so.'.format(
                label_dir / labels[stem], *label.size, images[stem], *info.size, turned, len(wrong), len(maps)
            )
        )
    return [
        Pair(image_dir / images[stem], label_dir / labels[stem], label, info.orientation)
        for stem, info, label in zip(images, found, maps, strict=True)
    ]


def _by_stem(folder: Path, suffixes: Container[str]) -> dict[str, str]:
    """The files below `folder`: name without suffix -> name."""
    found = {}
    for name in list_files(folder, suffixes):
        stem = os.path.splitext(name)[0]
        if stem in found:
            raise UserError(
                f'{folder} has two files of one name, so that images and label maps cannot be paired: '
                f'{found[stem]} and {name}.'
            )
        found[stem] = name
    return found
