"""What the labels of a segmentation data set must fulfil, and what its user should know of them."""

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
    """Raise UserError unless every label has a name or is ignored; None as `background` stands for either reading."""
    lowest, highest = (0, len(names) - 1) if background == 'class' else (1, len(names))
    allowed = {0, IGNORE_INDEX, ignore_label, *range(lowest, highest + 1)}
    strange = {path: set(label.pixels) - allowed for path, label in maps.items()}
    if wrong := {path: labels for path, labels in strange.items() if labels}:
        path, labels = next(iter(wrong.items()))
        ignored = sorted({*range(lowest), IGNORE_INDEX, ignore_label} - {None})
        everywhere = set().union(*wrong.values())
        hint = f'; --ignore-label {min(labels)} leaves its pixels out' if len(everywhere) == 1 else ''
        raise UserError(
            f'{path} has the label {min(labels)}, but {names_file} names the labels {lowest} to {highest} '
            f'only ({_listing(ignored)} ignored); {len(wrong)} of {len(maps)} label maps have such labels'
            f'{hint}.'
        )


def check_classes_occur(maps: dict[Path, LabelMap], numbering: Numbering, names_file: Path) -> None:
    """Raise UserError unless some pixel has a label that is not ignored."""
    occurring = set(count_pixels(maps.values()))
    if occurring <= numbering.ignored:
        raise UserError(
            f'All {len(maps)} label maps, such as {next(iter(maps))}, have no label but '
            f'{" and ".join(map(str, sorted(occurring)))}, which {"are" if len(occurring) > 1 else "is"} ignored: the '
            f'classes must be numbered from {numbering.first}, as the lines of {names_file}'
            + ('; --background class makes 0 the first of them' if 0 in occurring and numbering.first else '')
            + ('; what 255 stands for needs another label.' if IGNORE_INDEX in occurring else '.')
        )


def check_label_255(pixels: dict[int, int], names: Sequence[str], numbering: Numbering, root: Path) -> None:
    """Raise UserError if 255 seems to be an object: it is ignored, and without it all that is left is one class.

    Unless the user has said that it is to be ignored.
    """
    left = set(pixels) - numbering.ignored
    if IGNORE_INDEX in pixels and numbering.ignore_label != IGNORE_INDEX and len(left) == 1:
        (label,) = left
        raise UserError(
            f'The label maps in {root} have no label that is not ignored but {label} '
            f'({numbering.name(label, names)!r}): 255, {percentage(pixels, [IGNORE_INDEX])} of the pixels, is always '
            'ignored. Store what it stands for under a label of its own, or say --ignore-label 255 if it '
            'is rightly ignored.'
        )


def describe_labels(maps: Sequence[LabelMap], names: Sequence[str], numbering: Numbering) -> list[str]:
    """What a user should know of labels that pass: how they are read, which are ignored, which classes are absent."""
    pixels = count_pixels(maps)
    notes = [] if numbering.first else [f'labels are counted from 0: label 0 is {names[0]!r}']
    for label in sorted(numbering.ignored & set(pixels)):
        files = sum(label in found.pixels for found in maps)
        notes.append(
            f'label {label} is in {files} of {len(maps)} label maps: its pixels are ignored, in training and '
            f'in evaluation, {percentage(pixels, [label])} of all; what is to be learnt needs another label'
            + (f' (label 1 is {names[0]!r})' if label == 0 and numbering.first else '')
        )
    occurring = {numbering.name(label, names) for label in pixels}
    if unseen := [name for name in names if name not in occurring]:
        occur = 'occurs' if len(unseen) == 1 else 'occur'
        notes.append(f'of the {len(names)} classes, {len(unseen)} {occur} nowhere, such as {unseen[0]!r}')
    return notes


def _listing(labels: Sequence[int]) -> str:
    return f'{", ".join(map(str, labels[:-1]))} and {labels[-1]} are' if len(labels) > 1 else f'{labels[0]} is'
