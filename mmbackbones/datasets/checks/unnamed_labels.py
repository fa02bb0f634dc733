"""Label maps whose classes nothing names: black and white, or of values after which the classes are called."""

from collections.abc import Collection, Mapping
from pathlib import Path

from ...errors import UserError
from ...utils.text import counted
from .label_maps import IGNORE_INDEX, MAX_LABEL, LabelMap
from .label_table import LabelTable, percent
from .label_values import BLURRED

BACKGROUND, FOREGROUND = 'background', 'foreground'
WHITES = (255, MAX_LABEL)  # of 8 and of 16 bits
_CALLED = 'class '  # before a value
MAX_UNNAMED = 100  # values without names that are taken for classes
MAX_GRAY_SHARE = 0.1  # of the pixels between black and white where outlines are antialiased
MIN_LEVEL = 64  # among few values, the largest from which on they seem to be gray levels, not numbers of classes
MIN_MAPS = 5  # label maps that tell whether objects are numbered in each of them
MIN_NUMBERS = 4  # different numbers of objects that they have if so


def find_foreground(occurring: Collection[int]) -> int | None:
    """The value of the objects if label maps tell objects from background only: white (255, 65535), or 1.

    Args:
        occurring: The values that occur and are not ignored.
    """
    values = set(occurring)
    for white in WHITES:
        if white in values and values <= {0, white}:
            return white
    return 1 if 1 in values and values <= {0, 1, IGNORE_INDEX} else None


def binary_table(
    names: tuple[str, str], foreground: int, background: str | None, ignore_label: int | None
) -> LabelTable:
    """The table of label maps that tell objects from background only.

    Args:
        names: Name of the background and of the objects.
        foreground: Value of the objects; that of the background is 0.
        background: As in :class:`~mmbackbones.datasets.checks.label_table.LabelTable`; None: ``class``.
        ignore_label: As in :class:`~mmbackbones.datasets.checks.label_table.LabelTable`.
    """
    ignored = _ignored(background, ignore_label) - ({foreground} - {ignore_label})
    pairs = [*zip((0, foreground), names, strict=True)][background == 'ignore' :]
    classes = {value: index for index, (value, _) in enumerate(pairs) if value not in ignored}
    shown = tuple(name for _, name in pairs)
    return LabelTable(shown, classes, frozenset(ignored), background or 'class', ignore_label)


def table_of_values(
    occurring: Collection[int],
    background: str | None,
    ignore_label: int | None,
    trained: Collection[str],
    root: Path,
) -> LabelTable:
    """The table of classes that are called after their values.

    Args:
        occurring: The values that occur.
        background: As in :func:`binary_table`.
        ignore_label: As in :func:`binary_table`.
        trained: The classes of a model, some of which may not occur; empty: those that occur.
        root: Folder of the data set, for messages.

    Raises:
        UserError: There are so many values that they are no classes.
    """
    ignored = _ignored(background, ignore_label)
    values = set(occurring) - ignored
    if trained:
        values = {value for value in map(_value_of, trained) if value is not None}
    if len(values) > MAX_UNNAMED:
        raise UserError(
            f'the label maps in {root} have {len(values)} different values, which nothing names, so that they look '
            'like gray levels: if they are classes, name them in a file classes.txt there, line n naming value n - 1'
        )
    names = tuple(class_of(value) for value in sorted(values))
    classes = {value: index for index, value in enumerate(sorted(values)) if value not in ignored}
    return LabelTable(names, classes, frozenset(ignored), background or 'class', ignore_label)


def class_of(value: int) -> str:
    """The class that is called after a value."""
    return f'{_CALLED}{value}'


def check_sharp(pixels: Mapping[int, int], root: Path) -> None:
    """Check that label maps in black and white have no gray, as antialiased outlines have.

    Args:
        pixels: Number of pixels of each value.
        root: Folder of the data set, for messages.

    Raises:
        UserError: They have.
    """
    extremes = {0, MAX_LABEL if MAX_LABEL in pixels else IGNORE_INDEX}
    share = sum(count for value, count in pixels.items() if value not in extremes) / (sum(pixels.values()) or 1)
    if len(pixels) > BLURRED and extremes <= set(pixels) and share <= MAX_GRAY_SHARE:
        raise UserError(
            f'the label maps in {root} are black and white, but for {percent(share)} of the pixels, which have '
            f'{counted(len(pixels) - 2, "value")} between, as if they were antialiased or JPEG-compressed: export '
            'them again without, or convert them with: magick mogrify -threshold 50% FILE.png'
        )


def check_white(pixels: Mapping[int, int], ignore_label: int | None, root: Path) -> None:
    """Check that 255, which is ignored, is not one of a few gray levels that are all meant to be classes.

    Args:
        pixels: Number of pixels of each value.
        ignore_label: The value that the user ignores.
        root: Folder of the data set, for messages.

    Raises:
        UserError: It seems to be.
    """
    others = sorted(set(pixels) - {IGNORE_INDEX, ignore_label})
    if IGNORE_INDEX in pixels and ignore_label != IGNORE_INDEX and len(others) < BLURRED and max(others) >= MIN_LEVEL:
        share = percent(pixels[IGNORE_INDEX] / sum(pixels.values()))
        raise UserError(
            f'the label maps in {root} have the values {", ".join(map(str, others))} and 255, which nothing names: '
            f'255, {share} of the pixels, is ignored in most data sets, but here it may be a class; name all in a file '
            '_classes.csv there, with the line Pixel Value,Class and one line per value, such as 255,road, or confirm '
            'with --ignore-label 255 that it is to be ignored'
        )


def check_not_instances(maps: Mapping[Path, LabelMap], root: Path) -> None:
    """Check that values are not numbers of objects, which begin anew in each label map.

    Args:
        maps: All label maps by path.
        root: Folder of the data set, for messages.

    Raises:
        UserError: They seem to be: each label map has all values from 1 to its largest, which differ.
    """
    found = {path: set(label.pixels) - {0, IGNORE_INDEX} for path, label in maps.items()}
    gaps = any(max(values, default=0) != len(values) for values in found.values())
    if gaps or len(found) < MIN_MAPS or len(set(map(len, found.values()))) < MIN_NUMBERS:
        return
    most = max(found, key=lambda path: len(found[path]))
    raise UserError(
        f'the values in the label maps in {root}, which nothing names, seem to number the objects of each image: every '
        f'one has all values from 1 to its largest, such as {most} to {len(found[most])}; a segmentor needs one value '
        'per class: export label maps of classes, or, if these are, name them in a file classes.txt there, line n '
        'naming value n - 1'
    )


def _value_of(name: str) -> int | None:
    """The value that a class is called after; None: it is not."""
    digits = name.removeprefix(_CALLED)
    return int(digits) if digits.isdecimal() and name == class_of(int(digits)) else None


def _ignored(background: str | None, ignore_label: int | None) -> set[int]:
    ignored = {IGNORE_INDEX} | ({0} if background == 'ignore' else set())
    return ignored | (set() if ignore_label is None else {ignore_label})
