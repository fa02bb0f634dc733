"""Pascal VOC (Everingham et al., IJCV 2010): an XML file per image, corners as 1-based pixel indices, inclusive."""

import math
import os
from collections import defaultdict
from collections.abc import Iterable
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple
from xml.etree import ElementTree

from ...errors import UserError
from ...utils.files import read_bytes, read_text
from ...utils.paths import escapes_folder, normalize_separators
from ...utils.text import short
from ..checks.annotations import NoAnnotationsError
from ..checks.image_sizes import describe_size_mismatch, parse_side
from ..checks.images import SUFFIXES, read_images
from .base import Annotations, DetectionFormat
from .folder import Folder
from .split_names import describe_unused, find_splits, split_of

CORNERS = ('xmin', 'ymin', 'xmax', 'ymax')
_YES, _NO = {'1', '1.0', 'true', 'yes'}, {'0', '0.0', 'false', 'no', '', 'unspecified'}  # as tools write them


class PascalVoc(DetectionFormat):
    """Lists of image names per split, and an XML file per image; the classes are those that occur in any split."""

    name = 'Pascal VOC'
    expects = '`Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/{train,val,test,trainval}.txt`'
    common_classes = True

    tree = """
Annotations/*.xml
JPEGImages/*.jpg
ImageSets/
  Main/
    train.txt
    val.txt
"""
    signs = {
        'Annotations/*.xml': 'an XML file per image',
        'JPEGImages/': 'images',
        'ImageSets/Main/*.txt': 'lists of the images of each split',
    }

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        root = self.root
        self._image_dir, self._list_dir = root / 'JPEGImages', root / 'ImageSets' / 'Main'
        lists = {
            path.stem for path in self._list_dir.glob('*.txt') if not path.name.startswith('.') and not path.is_dir()
        }
        names = find_splits(filter(split_of, lists), str(self._list_dir))
        stems = {split: self._read_list(name) for split, name in names.items()}
        if 'trainval' in lists and not {'train', 'val'} <= stems.keys():
            other = 'val' if 'train' in stems else 'train'  # what trainval.txt has beyond the one that is given
            given = set(stems.get('train', stems.get('val', ())))
            stems[other] = [stem for stem in self._read_list('trainval') if stem not in given]
            names |= {other: 'trainval'}
            stems = {split: stems[split] for split in ('train', 'val', 'test') if stems.get(split)}
        if not stems:
            raise UserError(
                f'{self._list_dir} lists no images: it has none of train.txt, val.txt, trainval.txt and test.txt'
            )
        self._stems = stems
        self.splits = {split: f'ImageSets/Main/{names[split]}.txt' for split in stems}
        # VOC's own lists for a class, such as cat_val.txt, say no more than the annotations.
        unused = {
            name
            for name in lists - {*names.values(), 'trainval'}
            if not name.endswith(('_train', '_val', '_test', '_trainval'))
        }
        # The list of a split may be where other tools look for it.
        elsewhere = [path for path in [*root.glob('*.txt'), *root.glob('ImageSets/*.txt')] if split_of(path.stem)]
        self.notes = describe_unused(
            [
                *(f'ImageSets/Main/{name}.txt' for name in unused),
                *(path.relative_to(root).as_posix() for path in elsewhere),
            ],
            root,
        )

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return folder.has_folder('JPEGImages') and folder.has_folder('Annotations')

    def read(self, split: str) -> Annotations:
        list_file, stems, contents = self.root / self.splits[split], self._stems[split], self._contents
        missing = [stem for stem in stems if stem not in contents]
        if missing and len(missing) == len(stems):
            raise NoAnnotationsError(
                f'{list_file} names {stems[0]!r}, but there is no Annotations/{stems[0]}.xml in {self.root}, '
                'nor the XML file of any other image that it names'
            )
        if missing:
            raise UserError(
                f'{list_file} names {missing[0]!r}, but there is no Annotations/{missing[0]}.xml in {self.root}'
            )
        suffixes = _find_suffixes(self._image_dir, stems)
        files = [_choose_file(stem, contents[stem].file_name, suffixes[stem]) for stem in stems]
        found = read_images(self.root, self._image_dir, files, str(list_file))
        ids = {name: number for number, name in enumerate(self._classes, 1)}
        images: list[dict[str, Any]] = []
        annotations: list[dict[str, Any]] = []
        for number, (stem, file, info) in enumerate(zip(stems, files, found, strict=True), 1):
            if fault := describe_size_mismatch(contents[stem].size, info):
                raise UserError(f'{self.root / "Annotations" / stem}.xml: the image JPEGImages/{file} {fault}')
            images.append({'id': number, 'file_name': file, 'width': info.width, 'height': info.height})
            for item in contents[stem].objects:
                annotation = {'id': len(annotations) + 1, 'image_id': number, 'category_id': ids[item.name]}
                area = item.box[2] * item.box[3]
                annotations.append(annotation | {'bbox': item.box, 'area': area, 'iscrowd': item.difficult})
        categories = [{'id': number, 'name': name} for name, number in ids.items()]
        data = {'images': images, 'annotations': annotations, 'categories': categories}
        return Annotations(data, self._image_dir, images=found)

    @cached_property
    def _contents(self) -> dict[str, '_Content']:
        """Stem -> content of its XML file, if there is one, of all splits."""
        files = {stem: self.root / 'Annotations' / f'{stem}.xml' for stems in self._stems.values() for stem in stems}
        contents = {
            stem: _parse(file) for stem, file in files.items() if not escapes_folder(stem) and os.path.exists(file)
        }
        _refuse_shares(contents.values(), self.root)
        return contents

    @property
    def _classes(self) -> list[str]:
        return sorted({item.name for content in self._contents.values() for item in content.objects})

    def _read_list(self, name: str) -> list[str]:
        lines = (line.strip() for line in read_text(self._list_dir / f'{name}.txt').splitlines())
        stems = dict.fromkeys(line for line in lines if line)
        folder = self.root / 'Annotations'
        return [normalize_separators(folder, f'{stem}.xml').removesuffix('.xml') for stem in stems]


class _Object(NamedTuple):
    name: str
    box: list[float]  # x, y, width, height
    difficult: int  # 0 or 1


class _Content(NamedTuple):
    file_name: str  # of the image; often wrong
    size: tuple[int | None, int | None]  # width, height; None: not given
    objects: list[_Object]


class _DoctypeError(Exception):
    pass


class _NoDoctype(ElementTree.TreeBuilder):
    def doctype(self, *_: Any) -> None:  # called in any encoding, before an entity is read
        raise _DoctypeError


def _parse(file: Path) -> _Content:
    try:
        tree = ElementTree.fromstring(read_bytes(file), ElementTree.XMLParser(target=_NoDoctype()))
    except _DoctypeError as error:
        raise UserError(
            f'{file} declares a document type, which VOC files do not need: entities are not expanded'
        ) from error
    except (OSError, ValueError, ElementTree.ParseError) as error:
        raise UserError(f'{file} is not a readable XML file: {error}') from error
    objects = [_parse_object(item, f'{file}: object {number}') for number, item in enumerate(tree.findall('object'), 1)]
    try:
        size = parse_side(tree.findtext('size/width')), parse_side(tree.findtext('size/height'))
    except ValueError as error:
        raise UserError(f'{file}: the size of the image, {error}, is not a number of pixels') from error
    return _Content(tree.findtext('filename') or '', size, objects)


def _parse_object(item: ElementTree.Element, where: str) -> _Object:
    name = (item.findtext('name') or '').strip()
    if not name:
        raise UserError(f'{where} has no name')
    texts = [item.findtext(f'bndbox/{corner}') or '' for corner in CORNERS]
    try:
        left, top, right, bottom = (float(text) for text in texts)
    except ValueError as error:
        raise UserError(f'{where} needs a number for each of {", ".join(CORNERS)}') from error
    width, height = right - left + 1, bottom - top + 1
    if not (math.isfinite(width) and math.isfinite(height)) or width < 0 or height < 0:
        raise UserError(f'{where} has the corners {", ".join(texts)}, which do not make a box')
    difficult = (item.findtext('difficult') or '').strip().lower()  # VOC's evaluation ignores these
    if difficult not in _YES | _NO:
        raise UserError(f'{where} has <difficult>{short(difficult)[1:-1]}</difficult>, which is neither 0 nor 1')
    return _Object(name, [left - 1, top - 1, width, height], int(difficult in _YES))


def _refuse_shares(contents: Iterable[_Content], root: Path) -> None:
    """Raise UserError if all corners are fractions of the image: counted from 1, no far corner lies within 1 pixel."""
    boxes = [item.box for content in contents for item in content.objects]
    if boxes and all(x + w <= 1 and y + h <= 1 for x, y, w, h in boxes):
        raise UserError(
            f'{root / "Annotations"}: the corners of all {len(boxes)} boxes lie between 0 and 1: they look like '
            'fractions of the image, but must be pixels'
        )


def _find_suffixes(image_dir: Path, stems: list[str]) -> dict[str, list[str]]:
    """Stem -> the suffixes of the files of that name, those of images first."""
    suffixes = defaultdict(list)
    for folder in {os.path.dirname(stem) for stem in stems}:
        with suppress(OSError):  # then its images are missing
            for name in sorted(os.listdir(image_dir / folder)):
                stem, suffix = os.path.splitext(name)
                suffixes[os.path.join(folder, stem)].append(suffix)
    for found in suffixes.values():
        found.sort(key=lambda suffix: suffix.lower() not in SUFFIXES)
    return suffixes


def _choose_file(stem: str, named: str, suffixes: list[str]) -> str:
    """Name of an image: `named`, the XML file's <filename>, is often wrong and only decides between existing files."""
    suffix = Path(named.strip()).suffix
    return stem + (suffix if suffix in suffixes else next(iter(suffixes), '.jpg'))
