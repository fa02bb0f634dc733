"""Validation of the labels that occur in label maps, and notes on them."""

from collections.abc import Sequence
from pathlib import Path

from ...errors import UserError
from .label_maps import IGNORE_INDEX, LabelMap, count_pixels
from .label_numbering import Numbering, percentage


def check_label_range(
    maps: dict[Path, LabelMap],
    names: Sequence[str],
    background: str | None,
    ignore_label: int | None,
    names_file: Path,
) -> None:
    """Check that every label has a name or is ignored.

    Args:
        maps: Label maps by path.
        names: Class names in the order of the labels.
        background: As in :class:`~mmbackbones.datasets.checks.label_numbering.Numbering`; None allows for either.
        ignore_label: As in :class:`~mmbackbones.datasets.checks.label_numbering.Numbering`.
        names_file: File that holds the names, for messages.

    Raises:
        UserError: Some label has no name.
    """
    lowest, highest = (0, len(names) - 1) if background == 'class' else (1, len(names))
    ignored = {*range(lowest), IGNORE_INDEX} | (set() if ignore_label is None else {ignore_label})
    allowed = {*ignored, *range(lowest, highest + 1)}
    if wrong := {path: labels for path, found in maps.items() if (labels := set(found.pixels) - allowed)}:
        path, labels = next(iter(wrong.items()))
        everywhere = set().union(*wrong.values())
        hint = f'; --ignore-label {min(labels)} ignores its pixels' if len(everywhere) == 1 else ''
        raise UserError(
            f'{path} has the label {min(labels)}, but {names_file} names only the labels {lowest} to {highest} '
            f'({_listing(sorted(ignored))} ignored); {len(wrong)} of {len(maps)} label maps have such labels{hint}'
        )


def check_classes_occur(maps: dict[Path, LabelMap], numbering: Numbering, names_file: Path) -> None:
    """Check that some pixel has a label that is not ignored.

    Args:
        maps: Label maps by path.
        numbering: How the labels are numbered.
        names_file: File that holds the class names, for messages.

    Raises:
        UserError: All pixels are ignored.
    """
    occurring = set(count_pixels(maps.values()))
    if not occurring <= numbering.ignored:
        return
    hints = [f'number the classes from {numbering.first}, as the lines of {names_file}']
    if 0 in occurring and numbering.first:
        hints.append('or make label 0 the first of them with --background class')
    if IGNORE_INDEX in occurring:
        hints.append('and give what is labeled 255 another label')
    raise UserError(
        f'all {len(maps)} label maps, such as {next(iter(maps))}, have no label but '
        f'{" and ".join(map(str, sorted(occurring)))}, which {"are" if len(occurring) > 1 else "is"} ignored: '
        + ', '.join(hints)
    )


def check_label_255(pixels: dict[int, int], names: Sequence[str], numbering: Numbering, root: Path) -> None:
    """Check that 255, which is always ignored, is not meant to be an object.

    It seems to be one if only a single class is left without it, and if the user has not said that it is ignored.

    Args:
        pixels: Number of pixels of each label.
        names: Class names in the order of the labels.
        numbering: How the labels are numbered.
        root: Folder of the data set, for messages.

    Raises:
        UserError: Label 255 seems to be an object.
    """
    left = set(pixels) - numbering.ignored
    if IGNORE_INDEX in pixels and numbering.ignore_label != IGNORE_INDEX and len(left) == 1:
        (label,) = left
        raise UserError(
            f'the only label in {root} that is not ignored is {label} ({numbering.name(label, names)!r}): 255, '
            f'{percentage(pixels, IGNORE_INDEX)} of the pixels, is always ignored; give what it stands for a label of '
            'its own, or confirm with --ignore-label 255 that it is to be ignored'
        )


def describe_labels(maps: Sequence[LabelMap], names: Sequence[str], numbering: Numbering) -> list[str]:
    """Notes on valid labels: how they are numbered, which are ignored, which classes do not occur.

    Args:
        maps: Label maps.
        names: Class names in the order of the labels.
        numbering: How the labels are numbered.
    """
    pixels = count_pixels(maps)
    notes = [] if numbering.first else [f'labels are counted from 0: label 0 is {names[0]!r}']
    for label in sorted(numbering.ignored & set(pixels)):
        files = sum(label in found.pixels for found in maps)
        notes.append(
            f'label {label} is in {files} of {len(maps)} label maps: its pixels, {percentage(pixels, label)} of all, '
            'are ignored in training and evaluation; what is to be learned needs another label'
            + (f' (label 1 is {names[0]!r})' if label == 0 and numbering.first else '')
        )
    occurring = {numbering.name(label, names) for label in pixels}
    if unseen := [name for name in names if name not in occurring]:
        occur = 'occurs' if len(unseen) == 1 else 'occur'
        notes.append(f'{len(unseen)} of the {len(names)} classes {occur} nowhere, such as {unseen[0]!r}')
    return notes


def _listing(labels: Sequence[int]) -> str:
    return f'{", ".join(map(str, labels[:-1]))} and {labels[-1]} are' if len(labels) > 1 else f'{labels[0]} is'
