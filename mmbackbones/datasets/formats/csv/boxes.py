"""CSV files with a row per box, with the columns that tools, tutorials and competitions usually have."""

import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from functools import cached_property

from ....errors import UserError
from ....utils.text import short
from ...checks.annotations import MAX_RELATIVE, NoAnnotationsError
from ...checks.image_sizes import describe_size_mismatch
from ...checks.images import SUFFIXES, ImageInfo, read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..image_finder import ImageFinder
from ..objects import Object, to_annotations
from ..split_folders import divide_by_folder, divide_by_name
from ..split_names import describe_unused, select_splits, split_of
from .columns import find_columns, is_number, names_images
from .rows import Row, read_first_row, read_rows, read_table

ONLY_CLASS = 'object'  # where there is no column of classes
_FEWEST = 5  # columns: the name of the image, and the box
_MOST_FILES = 100  # with more, there is one per image, or they are something else
_NO_SPLIT = ('', 'unassigned')  # in AutoML's files: for training, or wherever they are needed
_AUTOML_NAMES = {'validate': 'val', **dict.fromkeys(_NO_SPLIT, 'train')}
_MAX_OVERSHOOT = 1  # pixels that a box may reach over its image by rounding


class CsvBoxes(DetectionFormat):
    """A file per split, or one with a column of splits, or one for folders of splits, or one that is divided."""

    name = 'CSV'
    tools = {
        'Roboflow': 'TensorFlow CSV',
        'Kaggle': 'CSV',
        'Google AutoML and Vertex AI': 'CSV',
        'Open Images': 'CSV',
        'keras-retinanet': 'CSV',
        'makesense.ai': 'CSV',
        'SKU-110K': 'CSV',
    }
    expects = '`*.csv` with a row per box, such as `filename,class,xmin,ymin,xmax,ymax`; images in any folder'
    common_classes = True

    tree = """
train.csv  # or one file: split by its column "split", or 80/20
val.csv
images/*.jpg
"""
    signs = {'**/*.csv': 'a row per box', '**/*.jpg': 'images'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        files = _find_files(folder)
        stems = {os.path.splitext(file)[0]: file for file in files}
        named = select_splits(stems, str(self.root))
        if len(files) > 1 and not named:
            raise UserError(
                f'{self.root} holds several CSV files with boxes ({", ".join(files[:5])}): name them after their '
                'splits, such as train.csv and val.csv, or keep one'
            )
        self.notes += describe_unused(set(files).difference(named.values()), self.root) if named else []
        self._finder = ImageFinder(self.root, folder.walk('', SUFFIXES))
        self._tables = {file: read_rows(self.root / file) for file in (named.values() or files)}
        if len(named) > 1:
            self.splits = named
            self._rows = {split: self._tables[file][1] for split, file in named.items()}
        else:
            file = next(iter(self._tables))
            self._rows = self._divide(file, next(iter(named), None))
            self.splits = {split: f'{file} ({split})' if len(self._rows) > 1 else file for split in self._rows}
        for file, (columns, _) in self._tables.items():
            if columns.label is None:
                self.notes.append(f'{file} has no column of classes: all boxes are of one class, {ONLY_CLASS!r}')

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(_find_files(folder))

    @classmethod
    def explain_mismatch(cls, folder: Folder) -> str | None:
        for file in folder.files('', '*.csv'):
            first = read_first_row(folder / file)
            if 'region_shape_attributes' in first:
                return f'holds {file} of VGG Image Annotator: export the annotations as JSON, which is read'
            if names_images(first):
                return (
                    f'holds {file}, whose columns ({short(", ".join(first))[1:-1]}) name images, but no boxes: a '
                    'detector needs one in each row, in columns that are called xmin, ymin, xmax and ymax'
                )
            if len(first) >= _FEWEST and not any(map(is_number, first)):
                return (
                    f'holds {file}, none of whose columns ({short(", ".join(first))[1:-1]}) is known to name the '
                    'images: call it filename, and the others class, xmin, ymin, xmax, ymax'
                )
        return None

    def read(self, split: str) -> Annotations:
        rows, source = self._rows[split], str(self.root / self.splits[split])
        if not rows:
            raise NoAnnotationsError(f'{source} has no rows')
        paths, notes = self._find_images(rows, split)
        images: dict[str, list[Row]] = {path: [] for path in sorted(set(paths.values()))}
        for row in rows:
            images[paths[row.image]].append(row)
        infos = read_images(self.root, self.root, list(images), source)
        for (path, found), info in zip(images.items(), infos, strict=True):
            for row in found:
                if fault := describe_size_mismatch(row.size, info):
                    raise UserError(f'{row.where}: the image {path} {fault}')
        if any(len(columns.box) == 1 for columns, _ in self._tables.values()):
            self._refuse_corners(images.values(), infos)
        notes += self._describe_unlisted() if split == 'train' else []
        objects = [self._to_objects(found, info) for found, info in zip(images.values(), infos, strict=True)]
        return to_annotations(self.root, list(images), infos, objects, self._classes, notes)

    def _find_images(self, rows: Sequence[Row], split: str) -> tuple[dict[str, str], list[str]]:
        """Image as rows name it -> its path; and notes for the user."""
        names = list(dict.fromkeys(row.image for row in rows))
        paths, notes = self._finder.find_each(names, str(self.root / self.splits[split]), split)
        return dict(zip(names, paths, strict=True)), notes

    def _divide(self, file: str, named: str | None) -> dict[str, list[Row]]:
        """The rows of each split, where a single file holds all."""
        _, rows = self._tables[file]
        images = list(dict.fromkeys(row.image for row in rows))
        splits = {row.split.lower() for row in rows}
        usual = {name: _AUTOML_NAMES.get(name, name) for name in splits}
        if any(split_of(usual[name]) for name in splits.difference(_NO_SPLIT)):
            divided, unused = divide_by_name(usual, self.root)
            if unused:
                self.notes.append(f'{file}: rows of other splits, which are not used: {", ".join(unused)}')
            parts = {split: [row for row in rows if row.split.lower() in names] for split, names in divided.items()}
            self._refuse_shared(parts)
            return parts
        if named:
            return {named: rows}
        paths = dict(zip(images, self._finder.find_each(images, str(self.root / file))[0], strict=True))
        by_folder, unused = divide_by_folder(paths.values(), self.root)
        if len(by_folder) == 1:
            return {'train': rows}
        if unused:
            self.notes.append(f'{file}: images that are not in a folder of a split, not used: {len(unused)}')
        places = {split: set(found) for split, found in by_folder.items()}
        return {split: [row for row in rows if paths[row.image] in found] for split, found in places.items()}

    @staticmethod
    def _refuse_shared(parts: Mapping[str, Sequence[Row]]) -> None:
        seen: dict[str, str] = {}  # image -> its split
        for split, rows in parts.items():
            for row in rows:
                if seen.setdefault(row.image, split) != split:
                    raise UserError(
                        f'{row.where}: the image {short(row.image)} is in the split {split!r}, but before in '
                        f'{seen[row.image]!r}: a model would be tested on what it has been trained on'
                    )

    def _refuse_corners(self, images: Iterable[Sequence[Row]], infos: Sequence[ImageInfo]) -> None:
        """Raise UserError if boxes in one cell reach beyond their images, unless their numbers are two corners."""
        outside = None
        for rows, info in zip(images, infos, strict=True):
            width, height = (1, 1) if self._in_fractions else info.size
            for row in rows:
                if row.box is None:
                    continue
                x, y, w, h = row.box
                slack = 0 if self._in_fractions else _MAX_OVERSHOOT
                if not (x < w <= width + slack and y < h <= height + slack):
                    return
                if x + w > width + slack or y + h > height + slack:
                    outside = outside or row
        if outside:
            raise UserError(
                f'{outside.where}: as x, y, width and height, the box {short(list(outside.box or ()))} reaches beyond '
                'its image: if the numbers are two corners, write them into four columns, xmin, ymin, xmax and ymax'
            )

    def _to_objects(self, rows: Sequence[Row], info: ImageInfo) -> list[Object]:
        across, down = info.size if self._in_fractions else (1, 1)
        names, found = self._class_names, []
        for row in rows:
            if row.box is not None:
                x, y, width, height = row.box
                name = names.get(row.label, row.label) or ONLY_CLASS
                found.append(Object(name, (x * across, y * down, width * across, height * down), crowd=row.crowd))
        return found

    def _describe_unlisted(self) -> list[str]:
        """A note on images beside those with a row: nothing says whether they have no objects, or are not annotated."""
        used = set[str]()
        with suppress(UserError):  # of a split that may not be read
            for split, rows in self._rows.items():
                used.update(self._find_images(rows, split)[0].values())
        places = {os.path.dirname(path) for path in used}
        images = self.folder.walk('', SUFFIXES)
        unlisted = [path for path in images if path not in used and os.path.dirname(path) in places]
        if not unlisted:
            return []
        return [f'{self.root}: images without a row, which are not used, such as {unlisted[0]}: {len(unlisted)}']

    @cached_property
    def _boxed(self) -> list[Row]:
        """The rows of all splits that have a box."""
        return [row for rows in self._rows.values() for row in rows if row.box is not None]

    @cached_property
    def _in_fractions(self) -> bool:
        """Whether numbers are fractions of the image instead of pixels, which all boxes together tell."""
        rows = self._boxed
        pixels = next((row for row in rows if not _may_be_fractions(row)), None)
        if pixels is None:
            return True
        small = filter(_may_be_fractions, rows)
        odd = next((row for row in small if row.box and not all(map(float.is_integer, row.box))), None)
        if odd:
            raise UserError(
                f'{odd.where}, has a box in fractions of the image, but {pixels.where} one in pixels: use one of '
                'them for all'
            )
        return False

    @cached_property
    def _class_names(self) -> dict[str, str]:
        """Label -> class, where labels are numbers or OpenImages' codes that another CSV file lists."""
        labels = {row.label for row in self._boxed}
        if not all(label.isdecimal() or label.startswith('/') for label in labels):
            return {}
        for file in _find_class_files(self.folder):
            rows = [[cell.strip() for cell in cells] for cells in read_table(self.root / file)]
            for key, value in ((0, 1), (1, 0)):
                names = {cells[key]: cells[value] for cells in rows if len(cells) == 2}
                if labels <= names.keys() and not any(names[label].isdecimal() for label in labels):
                    return names
        return {}

    @cached_property
    def _classes(self) -> list[str]:
        labels = {self._class_names.get(row.label, row.label) or ONLY_CLASS for row in self._boxed}
        return sorted(labels, key=lambda name: (int(name), '') if name.isdecimal() else (0, name))


def _may_be_fractions(row: Row) -> bool:
    return row.box is not None and max(map(abs, row.box)) <= MAX_RELATIVE


def _csv_files(folder: Folder) -> list[str]:
    files = folder.walk('', {'.csv', '.tsv'})
    return files if len(files) <= _MOST_FILES else []


def _find_files(folder: Folder) -> list[str]:
    """The CSV files with boxes."""
    return [file for file in _csv_files(folder) if find_columns(read_first_row(folder / file))]


def _find_class_files(folder: Folder) -> list[str]:
    """CSV files that may list classes, such as `classes.csv` or `class-descriptions.csv`."""
    return [file for file in _csv_files(folder) if len(read_first_row(folder / file)) == 2]
