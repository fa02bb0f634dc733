"""Validation of the values that occur in label maps, and notes on them."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from ...errors import UserError
from ...utils.text import counted
from .label_maps import IGNORE_INDEX, LabelMap, count_pixels
from .label_table import LabelTable, percent

MAX_NOTES = 3  # on single labels that are ignored
BLURRED = 16  # values without a class from which on label maps seem to be antialiased


def check_label_range(
    maps: Mapping[Path, LabelMap],
    names: Sequence[str],
    background: str | None,
    ignore_label: int | None,
    names_file: Path,
) -> None:
    """Check that every label has a name or is ignored, where names are in the order of the labels.

    Args:
        maps: Label maps by path.
        names: Class names in the order of the labels.
        background: As in :class:`~mmbackbones.datasets.checks.label_table.LabelTable`; None allows for either.
        ignore_label: As in :class:`~mmbackbones.datasets.checks.label_table.LabelTable`.
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


def check_values(maps: Mapping[Path, LabelMap], table: LabelTable, file: Path) -> None:
    """Check that every value has a class or is ignored, where a table says which value is which class.

    Args:
        maps: Label maps by path.
        table: The classes.
        file: What holds the table, for messages.

    Raises:
        UserError: Some value is not in the table.
    """
    known = {*table.classes, *table.ignored}
    wrong = {path: values for path, found in maps.items() if (values := set(found.pixels) - known)}
    if not wrong:
        return
    path, values = next(iter(wrong.items()))
    everywhere = set().union(*wrong.values())
    what = 'color' if table.by_color else 'value'
    if len(everywhere) >= max(BLURRED, len(known)):
        raise UserError(
            f'{path} has the {what} {table.show(min(values))}, and the label maps together have '
            f'{counted(len(everywhere), what)} for which {file} names no class, as if they were antialiased or '
            'JPEG-compressed: export them again without'
        )
    pixels = count_pixels(maps.values())
    value = min(values)
    step = f'name it in {file / "classes.txt" if file.is_dir() else file}' + (
        ", and call it 'void' if it is to be ignored" if table.by_color else ''
    )
    if not table.by_color and len(everywhere) == 1 and table.ignore_label is None:
        ignore = f'ignore its pixels with --ignore-label {value}'
        step = f'{step}, or {ignore}' if not file.is_dir() else ignore
    raise UserError(
        f'{path} has the {what} {table.show(value)}, {_share(pixels, [value])} of all pixels, '
        f'but {file} names no class for it; {len(wrong)} of {len(maps)} label maps have such {what}s: {step}'
    )


def check_classes_occur(maps: Mapping[Path, LabelMap], table: LabelTable, names_file: Path) -> None:
    """Check that some pixel has a value that is not ignored.

    Args:
        maps: Label maps by path.
        table: The classes.
        names_file: File that holds the class names, for messages.

    Raises:
        UserError: All pixels are ignored.
    """
    occurring = set(count_pixels(maps.values()))
    if not occurring <= table.ignored:
        return
    hints = [f'give the classes in {names_file} their labels ({_shortened(table)})']
    if 0 in occurring and table.background == 'ignore':
        hints.append('or make label 0 the first of them with --background class')
    if IGNORE_INDEX in occurring and not table.by_color:
        hints.append('and give what is labeled 255 another label')
    raise UserError(
        f'all {len(maps)} label maps, such as {next(iter(maps))}, have no label but '
        f'{" and ".join(map(table.show, sorted(occurring)))}, which {"are" if len(occurring) > 1 else "is"} ignored: '
        + ', '.join(hints)
    )


def check_label_255(pixels: Mapping[int, int], table: LabelTable, root: Path) -> None:
    """Check that 255, which is ignored, is not meant to be an object.

    It seems to be one if only a single class is left without it, and if the user has not said that it is ignored.

    Args:
        pixels: Number of pixels of each label.
        table: The classes.
        root: Folder of the data set, for messages.

    Raises:
        UserError: Label 255 seems to be an object.
    """
    left = set(pixels) - table.ignored
    if IGNORE_INDEX in set(pixels) & table.ignored and table.ignore_label != IGNORE_INDEX and len(left) == 1:
        (label,) = left
        raise UserError(
            f'the only label in {root} that is not ignored is {label} ({table.name(label)!r}): 255, '
            f'{_share(pixels, [IGNORE_INDEX])} of the pixels, is always ignored; give what it '
            'stands for a label of its own, or confirm with --ignore-label 255 that it is to be ignored'
        )


def describe_labels(
    maps: Sequence[LabelMap], table: LabelTable, stated: bool, names: Mapping[int, str] = MappingProxyType({})
) -> list[str]:
    """Notes on valid labels: which are ignored, which classes do not occur.

    Args:
        maps: Label maps.
        table: The classes.
        stated: Whether the data set itself states which values are ignored.
        names: What the data set calls ignored values.
    """
    pixels = count_pixels(maps)
    ignored = sorted(table.ignored & set(pixels))
    if len(ignored) > MAX_NOTES:
        notes = [
            f'{_what(table)}s whose pixels are ignored in training and evaluation: '
            f'{len(ignored)}{_called(ignored, names)}, together {_share(pixels, ignored)} of all pixels'
        ]
    else:
        notes = [_describe_ignored(label, maps, pixels, table, stated, names) for label in ignored]
    occurring = {table.name(label) for label in pixels}
    if unseen := [name for name in table.names if name not in occurring]:
        occur = 'occurs' if len(unseen) == 1 else 'occur'
        notes.append(f'{len(unseen)} of the {len(table.names)} classes {occur} nowhere, such as {unseen[0]!r}')
    return notes


def _describe_ignored(
    label: int,
    maps: Sequence[LabelMap],
    pixels: Mapping[int, int],
    table: LabelTable,
    stated: bool,
    names: Mapping[int, str],
) -> str:
    what = _what(table)
    files = sum(label in found.pixels for found in maps)
    note = (
        f'{what} {table.show(label)}{_called([label], names)} is in {files} of {len(maps)} label maps: its pixels, '
        f'{_share(pixels, [label])} of all, are ignored in training and evaluation'
    )
    if stated:
        return note
    after = table.name(1) if label == 0 and table.background == 'ignore' else None
    return f'{note}; what is to be learned needs another {what}' + (f' (label 1 is {after!r})' if after else '')


def _called(labels: Sequence[int], names: Mapping[int, str]) -> str:
    """Names of labels in brackets, as far as they have one."""
    known = [repr(names[label]) for label in labels if label in names]
    return f' ({", ".join(known)})' if known else ''


def _what(table: LabelTable) -> str:
    return 'color' if table.by_color else 'label'


def _share(pixels: Mapping[int, int], labels: Collection[int]) -> str:
    return percent(sum(pixels[label] for label in labels) / sum(pixels.values()))


def _shortened(table: LabelTable) -> str:
    values = [table.show(value) for value in sorted(table.classes)]
    return ', '.join(values) if len(values) <= 6 else f'{", ".join(values[:3])}, ..., {values[-1]}'


def _listing(labels: Sequence[int]) -> str:
    return f'{", ".join(map(str, labels[:-1]))} and {labels[-1]} are' if len(labels) > 1 else f'{labels[0]} is'
