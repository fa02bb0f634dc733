"""The table of files that name labels, and which of them a data folder has."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from ....errors import UserError
from ..base import LabelNames
from ..folder import Folder
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
    folder: Folder, places: Iterable[str], maps: Sequence[str], default: Sequence[Row] | None = None
) -> LabelNames:
    """Names of the labels of a data set.

    Args:
        folder: The data folder.
        places: Folders in it that may hold a file of names, besides itself.
        maps: The label maps, relative to the data folder.
        default: Names and colors of the format's own classes, in the order of their labels from 0.

    Raises:
        UserError: Files of names are malformed or differ, or label maps are color images whose colors nothing names.
    """
    places = list(dict.fromkeys(['', *places]))
    seen = sample([folder / name for name in maps])
    kinds = [*TABLES, *LISTS] if seen.colored else [*LISTS, *TABLES]
    for pattern in kinds:
        if files := [name for place in places for name in folder.files(place, pattern)]:
            if pattern in LISTS and seen.colored:
                break  # names without colors
            return _describe(_agree(folder, files, seen))
    return _name_without_file(folder, maps, seen, default)


def _agree(folder: Folder, files: list[str], seen: Sample) -> LabelNames:
    read = [_read(folder / name, seen) for name in files]
    for name, other in zip(files[1:], read[1:], strict=True):
        if replace(other, file=read[0].file) != read[0]:
            raise UserError(f'{folder / files[0]} and {folder / name} name the labels differently; keep one')
    return read[0]


def _read(file: Path, seen: Sample) -> LabelNames:
    name = file.name.lower()
    if name in (known.lower() for known in LISTS):
        return next(read for known, read in LISTS.items() if known.lower() == name)(file)
    read = TABLES.get(name, read_class_dict)
    rows = read(file)
    extra = {BORDER} if read is read_labelmap else set()
    if seen.colored or (seen.colors and set(seen.colors) <= {color for _, color in rows} | extra):
        return from_colors(file, rows, extra)
    return from_rows(file, rows)


def _name_without_file(folder: Folder, maps: Sequence[str], seen: Sample, default: Sequence[Row] | None) -> LabelNames:
    known = {color for _, color in default or ()} | {BORDER}
    if default and seen.colored and set(seen.colors) <= known:
        return _describe(from_colors(folder.root, default, {BORDER}))
    if seen.colored:
        raise UserError(_describe_colors(folder, maps, seen))
    if default and seen.values <= {*range(len(default)), 255}:
        return _describe(from_rows(folder.root, default))
    return LabelNames(folder.root, None)


def _describe(found: LabelNames) -> LabelNames:
    """Add a note on what is ignored because of its name."""
    return found


def _describe_colors(folder: Folder, maps: Sequence[str], seen: Sample, most: int = 6) -> str:
    shown = [f'{color >> 16},{color >> 8 & 255},{color & 255} ({share:.1%})' for color, share in seen.colors.items()]
    if len(shown) > 256:
        return (
            f'{seen.colored} has {len(shown)} different colors or more, so it is no label map, which has one color per '
            'class: blurred outlines or JPEG compression change colors, and a photograph has no classes'
        )
    more = f' and {len(shown) - most} more' if len(shown) > most else ''
    return (
        f'{seen.colored} is a color image, but no file in {folder.root} says which color is which class: the most '
        f'frequent are {", ".join(shown[:most])}{more}; write class_dict.csv there, with the line name,r,g,b and then '
        f'one line per class, such as {_example(seen)}'
    )


def _example(seen: Sample) -> str:
    color = next(iter(seen.colors))
    return f'road,{color >> 16},{color >> 8 & 255},{color & 255}'
