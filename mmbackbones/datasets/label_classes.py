"""From what a format says of values, the values that occur and the user's options to one table of classes."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from ..errors import UserError
from ..utils.text import counted
from .checks.label_maps import IGNORE_INDEX, LabelMap, count_pixels
from .checks.label_numbering import infer_background
from .checks.label_table import LabelTable, percent
from .checks.label_values import BLURRED, check_classes_occur, check_label_range, check_values
from .formats.base import LabelNames

FOREGROUND = 'foreground'
BACKGROUND = 'background'
WHITE = 0xFFFFFF
MIN_CLASSES = 2  # with a single class there is nothing to tell apart
MAX_CLASSES = 254  # labels are bytes, and 255 is ignored
MAX_GRAY_SHARE = 0.05  # of the pixels between black and white where outlines are antialiased


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
            f"'void' in {given.file if given.names else 'a color table'}"
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
    table = {value: index for index, value in enumerate(values) if value not in ignored}
    return LabelTable(tuple(names), table, frozenset(ignored), background, ignore_label, given.by_color)


def _table_of_names(
    given: LabelNames, maps: Mapping[Path, LabelMap], background: str | None, ignore_label: int | None, root: Path
) -> LabelTable:
    """The table of names in the order of the labels, which may be counted from 0 or from 1, or be black and white."""
    names = given.names or ()
    pixels = count_pixels(maps.values())
    foreground = _find_foreground(set(pixels) - {ignore_label}, given.by_color)
    if len(names) == 1 or (len(names) == MIN_CLASSES and foreground not in (None, 1) and background != 'ignore'):
        pair = (_without(names, BACKGROUND), *names) if len(names) == 1 else tuple(names)
        if foreground is None:
            foreground = 1
        table = _binary_table(pair, foreground, background, ignore_label, given.by_color)
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
    foreground = _find_foreground(occurring, given.by_color)
    if classes is None:
        _check_not_blurred(pixels, given.by_color, root)
    elif trained == {BACKGROUND, FOREGROUND}:
        foreground = foreground or 1  # label maps without an object
    elif _class_of(foreground or 1, given.by_color) in trained:
        foreground = None
    if foreground is not None:
        table = _binary_table((BACKGROUND, FOREGROUND), foreground, background, ignore_label, given.by_color)
    else:
        table = _table_of_values(occurring, background, ignore_label, trained, given.by_color)
    if trained and trained != set(table.names):
        raise UserError(
            f'nothing in {root} names the classes, but the model knows them as '
            f'{", ".join(map(repr, sorted(trained)[:3]))}{", ..." if len(trained) > 3 else ""}: name them in '
            f'{root / "classes.txt"}, line n naming the n-th class'
        )
    if not table.names:
        raise UserError(
            f'all {len(maps)} label maps in {root} have no label but {" and ".join(map(table.show, pixels))}, so that '
            'there is nothing to learn'
        )
    check_values(maps, table, root)
    return table


def _table_of_values(
    occurring: Collection[int],
    background: str | None,
    ignore_label: int | None,
    trained: Collection[str],
    by_color: bool,
) -> LabelTable:
    ignored = {*(() if by_color else [IGNORE_INDEX]), *([0] if background == 'ignore' else [])}
    ignored |= set() if ignore_label is None else {ignore_label}
    values = sorted(set(occurring) - ignored)
    if trained:  # some of them may not occur here
        known = {_class_of(value, by_color): value for value in [*range(IGNORE_INDEX), *values]}
        values = sorted(known[name] for name in trained if name in known)
    if len(values) > MAX_CLASSES:
        raise UserError(f'the label maps have {len(values)} different values; at most {MAX_CLASSES} can be classes')
    names = tuple(_class_of(value, by_color) for value in values)
    table = {value: index for index, value in enumerate(values)}
    return LabelTable(names, table, frozenset(ignored), background or 'class', ignore_label, by_color)


def _class_of(value: int, by_color: bool) -> str:
    return f'#{value:06x}' if by_color else f'class {value}'


def _binary_table(
    names: tuple[str, ...], foreground: int, background: str | None, ignore_label: int | None, by_color: bool
) -> LabelTable:
    ignored = set() if by_color or foreground == IGNORE_INDEX else {IGNORE_INDEX}
    ignored |= {0} if background == 'ignore' else set()
    ignored |= set() if ignore_label is None else {ignore_label}
    if background == 'ignore':
        names = names[1:]
    values = [foreground] if background == 'ignore' else [0, foreground]
    table = {value: index for index, value in enumerate(values) if value not in ignored}
    return LabelTable(names, table, frozenset(ignored), background or 'class', ignore_label, by_color)


def _find_foreground(occurring: set[int], by_color: bool) -> int | None:
    """The value of the objects if label maps tell objects from background only: 255 (white), or 1."""
    white = WHITE if by_color else IGNORE_INDEX
    if white in occurring and occurring <= {0, white}:
        return white
    return 1 if not by_color and 1 in occurring and occurring <= {0, 1, IGNORE_INDEX} else None


def _check_not_blurred(pixels: Mapping[int, int], by_color: bool, root: Path) -> None:
    """Check that label maps in black and white have no gray, as antialiased outlines have."""
    white = WHITE if by_color else IGNORE_INDEX
    between = sum(count for value, count in pixels.items() if value not in (0, white))
    share = between / (sum(pixels.values()) or 1)
    if len(pixels) > BLURRED and {0, white} <= set(pixels) and share <= MAX_GRAY_SHARE:
        raise UserError(
            f'the label maps in {root} are black and white, but for {percent(share)} of the pixels, which have '
            f'{counted(len(pixels) - 2, "value")} between, as if they were antialiased or JPEG-compressed: export '
            'them again without, or convert them with: magick mogrify -threshold 50% FILE.png'
        )


def _without(names: Collection[str], name: str) -> str:
    """A name that is not among others: `name`, or `name` with underscores."""
    while name in names:
        name = f'_{name}_'
    return name


def describe_table(table: LabelTable, given: LabelNames, root: Path) -> list[str]:
    """Notes on how values are read, where the format alone does not tell."""
    if given.names is None:
        return [
            f'nothing names the classes, so they are {_listing(table.names)}; a file classes.txt in {root} would, '
            'line n naming value n - 1'
        ]
    if given.values is None and table.background == 'class':
        return [f'labels are counted from 0: label 0 is {table.names[0]!r}']
    return []


def _listing(names: Sequence[str]) -> str:
    shown = ', '.join(map(repr, names[:3]))
    return f'{shown} and {len(names) - 3} more' if len(names) > 3 else shown
