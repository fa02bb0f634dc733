"""The table of files that name labels, and which of them a data folder has."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from .....errors import UserError
from ....checks.label_maps import IGNORE_INDEX
from ...base import LabelNames
from ...folder import Folder
from .lists import ADE20K, read_ade20k, read_codes, read_plain
from .samples import Sample, sample
from .tables import (
    Row,
    from_colors,
    from_rows,
    read_class_dict,
    read_label_colors,
    read_labelmap,
    read_pixel_values,
)
from .values import is_background

Zero = Literal['open', 'named', 'background']

MAX_COLORS = 64  # of label maps; more are not meant to be classes
MAX_SHOWN = 6
BORDER = 0xE0E0C0  # around objects in Pascal VOC, and in what CVAT writes in its form

# Pattern of a file's name -> its reader; the first that there is comes first.
LISTS: dict[str, Callable[[Path], LabelNames]] = {
    'classes.txt': read_plain,
    'class_names.txt': read_plain,
    ADE20K: read_ade20k,
    '_classes.csv': read_pixel_values,
    'labels.txt': read_plain,
    'codes.txt': read_codes,
}
TABLES: dict[str, Callable[[Path], list[Row]]] = {
    'class_dict.csv': read_class_dict,
    '*class_dict*.csv': read_class_dict,
    'label_colors.txt': read_label_colors,
    'labelmap.txt': read_labelmap,
}


def find_label_names(
    folder: Folder, places: Iterable[str], maps: Sequence[str], zero: Zero = 'named', default: Sequence[Row] = ()
) -> LabelNames:
    """Names of the labels of a data set.

    Args:
        folder: The data folder.
        places: Folders in it that may hold a file of names, besides itself.
        maps: The label maps, relative to the data folder.
        zero: What label 0 is in label maps whose names a mere list tells. `open`: the labels have to show; `named`: the
            background if it is the first name; `background`: the background, whether the list has it or not.
        default: Names and colors of the format's own classes, in the order of their labels from 0.

    Raises:
        UserError: Files of names are malformed or differ, or label maps are color images whose colors nothing names.
    """
    places = list(dict.fromkeys(['', *places]))
    seen = sample([folder / name for name in maps])
    for pattern in TABLES if seen.colored else (*LISTS, *TABLES):  # a list says nothing of colors
        if files := [name for place in places for name in folder.files(place, pattern)]:
            return _agree([_read(folder / name, seen, zero) for name in files])
    if set(seen.colors) <= {BORDER, *(color for _, color in default)} and seen.colored:
        return from_colors(folder.root, default, {BORDER})
    if seen.colored:
        what = 'gives a color another number than other label maps do' if seen.reordered else 'is a color image'
        raise UserError(_describe_colors(folder, f'{seen.colored} {what}', seen.colors))
    if default and seen.values <= {*range(len(default)), IGNORE_INDEX}:
        return from_rows(folder.root, default)
    return LabelNames(folder.root, None)


def from_list(file: Path, names: Sequence[str], maps: Sequence[Path]) -> LabelNames:
    """Names of the labels, as the lines of a list tell them.

    Args:
        file: What holds the list.
        names: The names.
        maps: The label maps.
    """
    return _settle_zero(LabelNames(file, tuple(names)), sample(maps), 'named')


def _read(file: Path, seen: Sample, zero: Zero) -> LabelNames:
    name = file.name.lower()
    for known, read in LISTS.items():
        if name == known.lower():
            return _settle_zero(read(file), seen, zero)
    read_table = TABLES.get(name, read_class_dict)
    rows = read_table(file)
    border = {BORDER} if read_table is read_labelmap else set()
    if seen.colored or (seen.colors and set(seen.colors) <= {color for _, color in rows} | border):
        return from_colors(file, rows, border)
    return from_rows(file, rows)


def _settle_zero(found: LabelNames, seen: Sample, zero: Zero) -> LabelNames:
    """The names of a mere list with their values, if it is known what label 0 is."""
    names = found.names or ()
    if found.values is not None or found.background is not None or zero == 'open':
        return found
    if seen.values <= {0, IGNORE_INDEX}:  # black and white masks of one class
        return found
    if is_background(names[0]):
        names = names[1:]
    elif zero != 'background':
        return found
    if seen.values - {IGNORE_INDEX} and max(seen.values - {IGNORE_INDEX}) > len(names):
        return found
    values = tuple(range(1, len(names) + 1))
    return LabelNames(found.file, names, values, background_name='background', background='class')


def _agree(found: list[LabelNames]) -> LabelNames:
    """The names that several files tell, which must be the same."""
    first = found[0]
    for other in found[1:]:
        if replace(other, file=first.file) != first:
            raise UserError(f'{first.file} and {other.file} name the labels differently; keep one')
    return first


def _describe_colors(folder: Folder, problem: str, colors: Mapping[int, float]) -> str:
    if len(colors) > MAX_COLORS:
        return (
            f'{problem}, and the label maps like it have at least {len(colors)} different colors instead '
            'of one per class: blurred outlines or JPEG compression have changed them, or they are photographs'
        )
    most = next(iter(colors))
    shown = [f'{_in_digits(color)} ({share:.1%})'.replace('%', ' %') for color, share in colors.items()]
    more = f' and {len(shown) - MAX_SHOWN} more' if len(shown) > MAX_SHOWN else ''
    return (
        f'{problem}, but no file in {folder.root} says which color is which class; the most frequent are '
        f'{", ".join(shown[:MAX_SHOWN])}{more}: write a file class_dict.csv there, with the line name,r,g,b and one '
        f'line per class, such as {"road" if most else "background"},{_in_digits(most)}'
    )


def _in_digits(color: int) -> str:
    return f'{color >> 16},{color >> 8 & 255},{color & 255}'
