"""Pascal VOC (Everingham et al., IJCV 2010): lists of images per split, and an XML file per image."""

import os
from collections import defaultdict
from contextlib import suppress
from functools import cached_property
from pathlib import Path

from ....errors import UserError
from ....utils.files import read_text
from ....utils.paths import escapes_folder, normalize_separators
from ...checks.annotations import NoAnnotationsError
from ...checks.images import SUFFIXES, read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..objects import to_annotations
from ..split_names import describe_unused, find_splits, split_of
from .voc_file import (
    VocFile,
    classes_of,
    count_from_one,
    describe_rotations,
    read_voc_file,
    refuse_fractions,
    to_objects,
)

_LIST_DIRS = ('ImageSets/Main', 'ImageSets', '')
_WHOLE = 'default'  # CVAT's list of all images that are in no subset


class PascalVoc(DetectionFormat):
    """Lists of image names per split, and an XML file per image; the classes are those that occur in any split."""

    name = 'Pascal VOC'
    tools = {'Pascal VOC': 'boxes', 'CVAT': 'Pascal VOC 1.1'}
    expects = '`Annotations/*.xml`, `JPEGImages/`, `ImageSets/Main/{train,val,test,trainval}.txt`'
    common_classes = True
    file_per_image = True

    tree = """
Annotations/*.xml
JPEGImages/*.jpg
ImageSets/
  Main/  # or the lists one or two levels up
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
        self._image_dir = root / 'JPEGImages'
        place = _find_list_dir(folder)
        assert place is not None
        self._list_dir = root / place
        lists = _list_names(folder, place)
        names = find_splits(filter(split_of, lists), str(self._list_dir))
        stems = {split: self._read_list(name) for split, name in names.items()}
        if 'trainval' in lists and not {'train', 'val'} <= stems.keys():
            other = 'val' if 'train' in stems else 'train'  # what trainval.txt has beyond the one that is given
            given = set(stems.get('train', stems.get('val', ())))
            stems[other] = [stem for stem in self._read_list('trainval') if stem not in given]
            names |= {other: 'trainval'}
            stems = {split: stems[split] for split in ('train', 'val', 'test') if stems.get(split)}
        if 'train' not in stems and _WHOLE in lists:
            names |= {'train': _WHOLE}
            stems = {'train': self._read_list(_WHOLE), **stems}
        if not stems:
            raise UserError(
                f'{self._list_dir} lists no images: it has none of train.txt, val.txt, trainval.txt and test.txt'
            )
        self._stems = stems
        self.splits = {split: _join(place, f'{names[split]}.txt') for split in stems}
        # VOC's own lists for a class, such as cat_val.txt, say no more than the annotations.
        class_lists = tuple(f'_{name}' for name in {'train', 'val', 'test', 'trainval', *names.values()})
        unused = [
            _join(place, f'{name}.txt')
            for name in lists - {*names.values(), 'trainval'}
            if place == _LIST_DIRS[0] and not name.endswith(class_lists)
        ]
        # The list of a split may be where other tools look for it.
        elsewhere = [
            _join(other, f'{name}.txt')
            for other in _LIST_DIRS
            if other != place
            for name in _list_names(folder, other)
            if split_of(name)
        ]
        self.notes = describe_unused([*unused, *elsewhere], root)

    @classmethod
    def match(cls, folder: Folder) -> bool:
        is_voc = folder.has_folder('JPEGImages') and folder.has_folder('Annotations')
        return is_voc and _find_list_dir(folder) is not None

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
        files = [_choose_file(stem, contents[stem].image, suffixes[stem]) for stem in stems]
        images = read_images(self.root, self._image_dir, files, str(list_file))
        from_one = count_from_one(contents.values())
        for stem, file, info in zip(stems, files, images, strict=True):
            contents[stem].check_size(info, f'JPEGImages/{file}')
        objects = [to_objects(contents[stem], from_one) for stem in stems]
        notes = describe_rotations([contents[stem] for stem in stems], self.splits[split])
        return to_annotations(self._image_dir, files, images, objects, classes_of(contents.values()), notes)

    @cached_property
    def _contents(self) -> dict[str, VocFile]:
        """Stem -> content of its XML file, if there is one, of all splits."""
        place = self.root / 'Annotations'
        files = {stem: place / f'{stem}.xml' for stems in self._stems.values() for stem in stems}
        contents = {
            stem: read_voc_file(file)
            for stem, file in files.items()
            if not escapes_folder(stem) and os.path.exists(file)
        }
        refuse_fractions(contents.values(), place)
        return contents

    def _read_list(self, name: str) -> list[str]:
        lines = (
            line.strip().strip('"') for line in read_text(self._list_dir / f'{name}.txt').splitlines()
        )  # CVAT's quotes
        return [self._find_stem(line) for line in dict.fromkeys(line for line in lines if line)]

    def _find_stem(self, line: str) -> str:
        """Name of an image without its suffix; other tools' lists hold paths, such as ``data/JPEGImages/a.jpg``."""
        folder = self.root / 'Annotations'
        name = normalize_separators(folder, f'{line}.xml').removesuffix('.xml')
        if os.path.splitext(name)[1].lower() in SUFFIXES and not os.path.lexists(folder / f'{name}.xml'):
            name = os.path.splitext(name)[0].rpartition('JPEGImages/')[2]
        return name


def _list_names(folder: Folder, place: str) -> set[str]:
    """Names of the lists in a folder; at the top only those of splits, because other text files are there as well."""
    names = {Path(file).stem for file in folder.files(place) if file.endswith('.txt')}
    return names if place else {name for name in names if split_of(name) or name == 'trainval'}


def _find_list_dir(folder: Folder) -> str | None:
    """The first place that has the list of a split, or else any list."""
    found = [place for place in _LIST_DIRS if _list_names(folder, place)]
    usual = (
        place for place in found if any(split_of(name) or name == 'trainval' for name in _list_names(folder, place))
    )
    return next(usual, next(iter(found), None))


def _join(place: str, name: str) -> str:
    return f'{place}/{name}' if place else name


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
