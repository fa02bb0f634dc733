"""An XML file per image as labelImg, Roboflow and many data sets on Kaggle leave them, without lists of the splits."""

import os
from functools import cached_property
from pathlib import Path

from ....errors import UserError
from ....utils.xml_file import xml_root
from ...checks.annotations import NoAnnotationsError
from ...checks.images import SUFFIXES, read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..objects import Object, to_annotations
from ..split_folders import divide_by_folder
from ..split_names import describe_unused, split_of
from .image_pairs import AnnotatedImages, pair_by_name
from .pascal_voc import PascalVoc
from .voc_file import (
    VocFile,
    classes_of,
    count_from_one,
    describe_rotations,
    read_voc_file,
    refuse_fractions,
    to_objects,
)

_PROBED = 5  # files that are looked into to tell whether a folder's XML files are VOC's


class XmlFiles(DetectionFormat):
    """An XML file per image, beside it or in a folder of its own; folders may be named after splits."""

    name = 'Pascal VOC without lists'
    tools = {'labelImg': 'PascalVOC', 'Label Studio': 'Pascal VOC XML', 'Roboflow': 'Pascal VOC', 'Kaggle': 'XML files'}
    expects = (
        '`*.xml` beside the images, or in `annotations/` with the images in `images/`; folders `{train,valid,test}/`'
    )
    common_classes = True
    file_per_image = True

    tree = """
train/  # or all files together: split 80/20
  *.jpg
  *.xml
valid/
  *.jpg
  *.xml
"""
    signs = {'**/*.xml': 'an XML file per image', '**/*.jpg': 'images'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        self._pairs = pair_by_name(folder, '.xml')
        self._images, unused = divide_by_folder(self._pairs.images, self.root)
        self.splits = {split: _source(self._pairs, files) for split, files in self._images.items()}
        places = ('', 'ImageSets', 'ImageSets/Main')
        lists = [name for place in places for name in folder.files(place, '*.txt') if split_of(Path(name).stem)]
        self.notes += describe_unused(lists, self.root)
        if unused := [*unused, *self._pairs.elsewhere]:
            self.notes.append(f'{self.root}: images that are not used, such as {unused[0]}: {len(unused)}')
        if spare := self._pairs.spare:
            self.notes.append(f'{self.root}: XML files without an image, such as {spare[0]}: {len(spare)}')

    @classmethod
    def match(cls, folder: Folder) -> bool:
        lists = folder.walk('', {'.txt'})
        if PascalVoc.match(folder) or any('/ImageSets/' in name for name in lists):  # of VOC, one folder further down
            return False
        files = folder.walk('', {'.xml'})
        probed = files[:: max(1, len(files) // _PROBED)]
        return any(xml_root(folder / file) == 'annotation' for file in probed) and bool(folder.walk('', SUFFIXES))

    def read(self, split: str) -> Annotations:
        files, source, notes = self._images[split], self.splits[split], list[str]()
        lacking = [file for file in files if file not in self._pairs.files]
        if len(lacking) == len(files):
            raise NoAnnotationsError(f'no image in {self.root / source} has an XML file')
        if 2 * len(lacking) > len(files):
            raise UserError(
                f'{self.root / source}: {len(lacking)} of the {len(files)} images beside these files have none, such '
                f'as {lacking[0]}: annotate them, or move them to another folder'
            )
        if lacking:
            notes.append(
                f'{source}: images without an XML file, which are taken for images without objects, such as '
                f'{lacking[0]}: {len(lacking)}'
            )
        images = read_images(self.root, self.root, files, str(self.root / source))
        objects: list[list[Object]] = []
        for file, info in zip(files, images, strict=True):
            content = self._contents.get(file)
            if content:
                content.check_size(info, file)
            objects.append(to_objects(content, self._from_one) if content else [])
        notes += describe_rotations((self._contents[file] for file in files if file in self._contents), source)
        return to_annotations(self.root, files, images, objects, self._classes, notes)

    @cached_property
    def _contents(self) -> dict[str, VocFile]:
        """Image -> content of its XML file, of all splits."""
        used = {file for files in self._images.values() for file in files}
        contents = {
            image: read_voc_file(self.root / file) for image, file in self._pairs.files.items() if image in used
        }
        refuse_fractions(contents.values(), self.root)
        return contents

    @cached_property
    def _classes(self) -> list[str]:
        return classes_of(self._contents.values())

    @cached_property
    def _from_one(self) -> bool:
        """Whether corners are VOC's, as the names of VOC's folders tell.

        labelImg, Roboflow and most others write distances from the edge of the image, whatever their folders.
        """
        is_voc = any('JPEGImages' in image.split('/') for image in self._contents)
        return is_voc and count_from_one(self._contents.values())


def _source(pairs: AnnotatedImages, images: list[str]) -> str:
    """What messages call the XML files of a split: ``train/*.xml``."""
    files = [pairs.files[image] for image in images if image in pairs.files]
    places = set(map(os.path.dirname, files or images))
    return os.path.join(os.path.commonpath(places) if '' not in places else '', '*.xml')
