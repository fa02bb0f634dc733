"""From what a format says of values, the values that occur and the user's options to one table of classes."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from .checks.label_maps import IGNORE_INDEX, LabelMap, count_pixels
from .checks.label_numbering import infer_background
from .checks.label_table import LabelTable
from .checks.label_values import check_classes_occur, check_label_range, check_values
from .checks.unnamed_labels import (
    BACKGROUND,
    FOREGROUND,
    binary_table,
    check_not_instances,
    check_sharp,
    check_white,
    class_of,
    find_foreground,
    table_of_values,
)
from .formats.base import LabelNames
from .formats.data_file import is_data_file

MIN_CLASSES = 2  # with a single class there is nothing to tell apart


def find_label_table(
    given: LabelNames,
    maps: Mapping[Path, LabelMap],
    background: str | None,
    ignore_label: int | None,
    classes: Sequence[str] | None,
    root: Path,
) -> LabelTable:
    """Find out which class each value in label maps stands for, and check that every value has a class or is ignored.

    Args:
        given: What the format says.
        maps: All label maps by path.
        background: ``--background``: whether what no object covers is ignored or a class of its own.
        ignore_label: ``--ignore-label``: a value that is ignored.
        classes: Classes of a model, in any order, which the label maps are read for.
        root: Folder of the data set, for messages.

    Raises:
        UserError: Some value has no class, the values do not tell which class they are, or an option means nothing
            here.
    """
    if given.by_color and ignore_label is not None:
        raise UserError(
            f'--ignore-label is a number, but the label maps in {root} have colors: to ignore one, call it '
            f"'void' in {given.file}"
        )
    if given.values is not None:
        table = explicit_table(given, background, ignore_label)
        check_values(maps, table, given.file)
    elif given.names is None:
        table = _table_without_names(given, maps, background, ignore_label, classes, root)
    else:
        table = _table_of_names(given, maps, background, ignore_label, root)
    if len(table.names) < MIN_CLASSES:
        step = (
            'with --background class, what it does not cover is one, too'
            if table.background == 'ignore'
            else f'name another one in {given.file}'
        )
        raise UserError(
            f'the label maps in {root} have {table.names[0]!r} as their only class, so that there is nothing to tell '
            f'apart: {step}'
        )
    return table


def explicit_table(given: LabelNames, background: str | None, ignore_label: int | None) -> LabelTable:
    """The table of a format that says which value is which class.

    Args:
        given: What the format says, with `values`.
        background: See :func:`find_label_table`.
        ignore_label: See :func:`find_label_table`.

    Raises:
        UserError: `background` is given, but the format knows of none.
    """
    names, values = list(given.names or ()), list(given.values or ())
    if given.background_name is None:
        if background is not None:
            raise UserError(
                f'--background {background} means nothing for these label maps, for {given.file} says what every '
                'value is: leave it out, or ignore a value with --ignore-label N'
            )
    elif background is None:
        background = given.background or 'class'
    ignored = set(given.ignored) if given.by_color else {IGNORE_INDEX, *given.ignored}
    if background == 'class' and given.background_name is not None:
        names, values = [given.background_name, *names], [given.background_value, *values]
    elif background == 'ignore':
        ignored.add(given.background_value)
    ignored -= set(values)  # 255 may be a class
    if ignore_label is not None:
        ignored.add(ignore_label)
    if len(names) > IGNORE_INDEX:
        raise UserError(
            f'{given.file} names {len(names)} classes, the background included, but label maps of one byte per pixel, '
            f'as MMSegmentation reads them, hold at most {IGNORE_INDEX}'
        )
    table = {value: index for index, value in enumerate(values) if value not in ignored}
    return LabelTable(tuple(names), table, frozenset(ignored), background, ignore_label, given.by_color)


def _table_of_names(
    given: LabelNames, maps: Mapping[Path, LabelMap], background: str | None, ignore_label: int | None, root: Path
) -> LabelTable:
    """The table of names in the order of the labels, which may be counted from 0 or from 1, or be black and white."""
    names = given.names or ()
    pixels = count_pixels(maps.values())
    foreground = find_foreground(set(pixels) - {ignore_label})
    two = len(names) == MIN_CLASSES and foreground not in (None, 1) and background != 'ignore'
    if two or len(names) == 1:
        first = names[0] if two else _without(names, BACKGROUND)
        table = binary_table((first, names[-1]), foreground or 1, background, ignore_label)
        check_values(maps, table, given.file)
        check_classes_occur(maps, table, given.file)
        return table
    check_label_range(maps, names, background, ignore_label, given.file)
    check_classes_occur(maps, LabelTable.consecutive(names, background or 'ignore', ignore_label), given.file)
    return LabelTable.consecutive(
        names, background or infer_background(pixels, names, ignore_label, given.file, root), ignore_label
    )


def _table_without_names(
    given: LabelNames,
    maps: Mapping[Path, LabelMap],
    background: str | None,
    ignore_label: int | None,
    classes: Sequence[str] | None,
    root: Path,
) -> LabelTable:
    """The table of label maps whose classes nothing names: black and white, or classes called after their values."""
    pixels = count_pixels(maps.values())
    occurring = set(pixels) - {ignore_label}
    trained = set(classes or ())
    foreground = find_foreground(occurring)
    if classes is None:
        check_sharp(pixels, root)
    elif trained == {BACKGROUND, FOREGROUND}:
        foreground = foreground or 1  # label maps without an object
    elif class_of(foreground or 1) in trained:
        foreground = None
    if foreground is not None:
        table = binary_table((BACKGROUND, FOREGROUND), foreground, background, ignore_label)
    else:
        if classes is None:
            check_white(pixels, ignore_label, root)
            check_not_instances(maps, root)
        table = table_of_values(occurring, background, ignore_label, trained, root)
    if trained and trained != set(table.names):
        raise UserError(
            f'nothing in {root} names the classes, but the model knows them as '
            f'{", ".join(map(repr, sorted(trained)[:3]))}{", ..." if len(trained) > 3 else ""}: name them in '
            f'{root / "classes.txt"}, line n naming the n-th class'
        )
    if (classes is None and len(occurring) == 1) or (len(table.names) < MIN_CLASSES and foreground is None):
        again = 'without --ignore-label it is one' if ignore_label in pixels else 'label the objects with another one'
        raise UserError(
            f'all {len(maps)} label maps in {root} have no label but {" and ".join(map(table.show, pixels))}, which '
            f'leaves nothing to tell apart: {again}'
        )
    check_values(maps, table, root)
    return table


def _without(names: Collection[str], name: str) -> str:
    """A name that is not among others: `name`, or `name` with underscores."""
    while name in names:
        name = f'_{name}_'
    return name


def describe_table(table: LabelTable, given: LabelNames, root: Path) -> list[str]:
    """Notes on how values are read, where the format alone does not tell."""
    if given.names is None:
        return [f'nothing names the classes, so they are {_listing(table.names)}; {_describe_naming(table, root)}']
    if given.values is None and table.background == 'class' and IGNORE_INDEX not in table.classes:
        return [f'labels are counted from 0: label 0 is {table.names[0]!r}']
    return []


def _describe_naming(table: LabelTable, root: Path) -> str:
    """What names the classes of a data folder, or of a YAML file, that does not."""
    values = sorted(table.classes)
    if is_data_file(root):
        shown = [f'{value}: NAME' for value in values[:3]] + ['...'] * (len(values) > 3)
        return f'a line in {root} would: classes: {{{", ".join(shown)}}}'
    if FOREGROUND in table.names:
        return f'a file classes.txt in {root} would, with the name of the foreground'
    if values[-1] < 2 * len(values):  # few lines would name what does not occur
        return f'a file classes.txt in {root} would, line n naming value n - 1'
    shown = [f'"{value}, NAME"' for value in values[:2]]
    return f'a file _classes.csv in {root} would, with the lines "Pixel Value, Class", {", ".join(shown)} and so on'


def _listing(names: Sequence[str]) -> str:
    if len(names) > 3:
        return f'{", ".join(map(repr, names[:3]))} and {len(names) - 3} more'
    return ' and '.join(filter(None, [', '.join(map(repr, names[:-1])), repr(names[-1])]))
