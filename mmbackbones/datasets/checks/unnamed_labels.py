"""Label maps whose classes nothing names: black and white, or of values after which the classes are called."""

from collections.abc import Collection, Mapping
from pathlib import Path

from ...errors import UserError
from ...utils.text import counted
from .label_maps import IGNORE_INDEX
from .label_table import LabelTable, percent
from .label_values import BLURRED

BACKGROUND, FOREGROUND = 'background', 'foreground'
WHITE = 255
_CALLED = 'class '  # before a value
MAX_UNNAMED = 100  # values without names that are taken for classes
MAX_GRAY_SHARE = 0.05  # of the pixels between black and white where outlines are antialiased


def find_foreground(occurring: Collection[int]) -> int | None:
    """The value of the objects if label maps tell objects from background only: 255 (white), or 1.

    Args:
        occurring: The values that occur and are not ignored.
    """
    values = set(occurring)
    if WHITE in values and values <= {0, WHITE}:
        return WHITE
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
    extremes = {0, WHITE}
    share = sum(count for value, count in pixels.items() if value not in extremes) / (sum(pixels.values()) or 1)
    if len(pixels) > BLURRED and extremes <= set(pixels) and share <= MAX_GRAY_SHARE:
        raise UserError(
            f'the label maps in {root} are black and white, but for {percent(share)} of the pixels, which have '
            f'{counted(len(pixels) - 2, "value")} between, as if they were antialiased or JPEG-compressed: export '
            'them again without, or convert them with: magick mogrify -threshold 50% FILE.png'
        )


def _value_of(name: str) -> int | None:
    """The value that a class is called after; None: it is not."""
    digits = name.removeprefix(_CALLED)
    return int(digits) if digits.isdecimal() and name == class_of(int(digits)) else None


def _ignored(background: str | None, ignore_label: int | None) -> set[int]:
    ignored = {IGNORE_INDEX} | ({0} if background == 'ignore' else set())
    return ignored | (set() if ignore_label is None else {ignore_label})
