"""Images and the label maps that belong to them."""

import os
from bisect import bisect
from collections.abc import Container, Sequence
from difflib import get_close_matches
from pathlib import Path

from ...errors import UserError
from ...utils.files import list_files
from ..checks.discarded_content import describe_discarded_content
from ..checks.images import SUFFIXES, ImageInfo, read_images
from ..checks.label_maps import Pair, read_label_maps
from .base import LabeledImages

MAX_COMPARED = 1000  # names among which the most similar to a missing one is looked for: comparing is slow


def pair_by_stem(image_dir: Path, label_dir: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """Pair the images and the PNGs of the same name in two folders and their subfolders.

    Returns:
        The pairs, an image and its label map each, relative to their folders; and the label maps without an image.

    Raises:
        UserError: There are no images, an image has no label map, or two files have the same name.
    """
    images, labels = _list_by_stem(image_dir, SUFFIXES), _list_by_stem(label_dir, {'.png'})
    if not images:
        raise UserError(f'{image_dir} holds no images')
    if missing := [stem for stem in images if stem not in labels]:
        stem = missing[0]
        unpaired = sorted(set(list_files(label_dir, SUFFIXES)) - {labels[stem] for stem in images if stem in labels})
        start = max(0, bisect(unpaired, stem) - MAX_COMPARED // 2)
        similar = get_close_matches(f'{stem}.png', unpaired[start : start + MAX_COMPARED], n=1, cutoff=0)
        hint = f'; did you mean {similar[0]}?' if similar else ''
        raise UserError(
            f'{label_dir} lacks the label maps of {len(missing)} of the {len(images)} images: {images[stem]} needs the '
            f'PNG {stem}.png{hint}'
        )
    spare = [name for stem, name in labels.items() if stem not in images]
    return [(image, labels[stem]) for stem, image in images.items()], spare


def read_pairs(root: Path, image_dir: Path, label_dir: Path, names: Sequence[tuple[str, str]]) -> LabeledImages:
    """Decode images and their label maps.

    Args:
        root: The data folder.
        image_dir: Folder of the images.
        label_dir: Folder of the label maps.
        names: An image and its label map each, relative to their folders.

    Raises:
        UserError: A file is unreadable, an image is of one row or column, or the two of a pair differ in size.
    """
    images, labels = [image for image, _ in names], [label for _, label in names]
    found = read_images(root, image_dir, images, str(image_dir))
    check_not_narrow(image_dir, images, found)
    maps = read_label_maps(root, label_dir, labels, str(label_dir))
    wrong = [item for item in zip(names, found, maps, strict=True) if item[1].size != item[2].size]
    if wrong:
        (image, label), info, label_map = wrong[0]
        turned = ', turned by its EXIF orientation as in training' if info.orientation > 4 else ''
        raise UserError(
            '{} is {}x{} pixels, but its image {} is {}x{}{}; {} of {} pairs differ in size'.format(
                label_dir / label, *label_map.size, image, *info.size, turned, len(wrong), len(maps)
            )
        )
    pairs = [
        Pair(image_dir / image, label_dir / label, label_map, info.orientation)
        for (image, label), info, label_map in zip(names, found, maps, strict=True)
    ]
    notes = describe_discarded_content(images, found, image_dir.relative_to(root).as_posix())
    return LabeledImages(pairs, tuple(notes))


def check_not_narrow(image_dir: Path, images: Sequence[str], found: Sequence[ImageInfo]) -> None:
    """Check that no image is of a single row or column.

    Args:
        image_dir: Folder of the images.
        images: Their names.
        found: What was found in each.

    Raises:
        UserError: The first that is.
    """
    if narrow := [(image, info) for image, info in zip(images, found, strict=True) if min(info.size) == 1]:
        image, info = narrow[0]
        raise UserError(
            f'{image_dir / image} is {info.width}x{info.height} pixels: MMSegmentation cannot read label maps of one '
            f'row or column; {len(narrow)} of {len(images)} images have such a size'
        )


def _list_by_stem(folder: Path, suffixes: Container[str]) -> dict[str, str]:
    """The files in `folder` and its subfolders: name without suffix -> name."""
    found: dict[str, str] = {}
    for name in list_files(folder, suffixes):
        stem = os.path.splitext(name)[0]
        if stem in found:
            raise UserError(
                f'{folder} has two files of the same name, so that images and label maps cannot be paired: '
                f'{found[stem]} and {name}'
            )
        found[stem] = name
    return found
