"""CVAT for images 1.1: one XML file with the shapes in each image."""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from xml.etree.ElementTree import Element

from ....errors import UserError
from ....utils.text import short
from ....utils.xml_file import read_xml, xml_root
from ...checks.image_sizes import describe_size_mismatch, parse_side
from ...checks.images import SUFFIXES, read_images
from ..base import Annotations, DetectionFormat
from ..folder import Folder
from ..image_finder import ImageFinder
from ..objects import Object, describe_rotated, to_annotations
from ..split_folders import divide_by_name
from .cvat_shapes import OBJECTS, OTHERS, is_rotated, read_shape

_MOST_FILES = 5  # XML files in one place that are looked into: with more, there is one per image


@dataclass(frozen=True)
class _Image:
    name: str
    size: tuple[int, int]
    subset: str
    shapes: list[Element]

    def read_objects(self, file: Path) -> list[Object]:
        """The shapes as objects; the size must be that of the image, because masks are drawn in it."""
        where = f'{file}: image {short(self.name)}'
        return [read_shape(shape, self.size, f'{where}: {shape.tag} {n}') for n, shape in enumerate(self.shapes, 1)]


class CvatXml(DetectionFormat):
    """`annotations.xml`, with boxes, polygons and masks; subsets of a project are its splits."""

    name = 'CVAT for images'
    tools = {'CVAT': 'CVAT for images 1.1'}
    expects = '`annotations.xml` of CVAT\'s export "CVAT for images 1.1", images in `images/`: split by its subsets'
    common_classes = True

    tree = """
annotations.xml
images/*.jpg  # or images/train/ and images/val/
"""
    signs = {'annotations.xml': "CVAT's XML file", 'images/': 'images'}

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        files = _find_files(folder)
        if len(files) > 1:
            raise UserError(
                f'{self.root} has several CVAT files ({", ".join(files)}): keep one, or export the project as a whole'
            )
        self._file = self.root / files[0]
        self._images: list[_Image] = []
        self._labels: list[str] = []
        self._left_out: Counter[str] = Counter()
        self._read_file()
        subsets = {image.subset: image.subset for image in self._images}
        divided, unused = divide_by_name(subsets, self.root)
        self._subsets = divided
        whole = divided == {'train': [*subsets]}
        self.splits = {split: files[0] if whole else f'{files[0]} ({split})' for split in divided}
        if unused:
            self.notes.append(f'{files[0]}: subsets that are not used: {", ".join(unused)}')
        rotated = sum(is_rotated(shape) for image in self._images for shape in image.shapes)
        if rotated:
            self.notes.append(describe_rotated(files[0], rotated))
        if self._left_out:
            shapes = ', '.join(f'{tag} {number}' for tag, number in self._left_out.items())
            self.notes.append(f'{files[0]}: shapes that are no objects, left out: {shapes}')

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(_find_files(folder))

    def read(self, split: str) -> Annotations:
        chosen = [image for image in self._images if image.subset in self._subsets[split]]
        files, notes = self._finder.find_each([image.name for image in chosen], str(self._file), split)
        infos = read_images(self.root, self.root, files, str(self._file))
        for image, file, info in zip(chosen, files, infos, strict=True):
            if fault := describe_size_mismatch(image.size, info):
                raise UserError(f'{self._file}: the image {file} {fault}')
        objects = [image.read_objects(self._file) for image in chosen]
        occurring = {shape.get('label', '').strip() for image in self._images for shape in image.shapes}
        classes = [label for label in self._labels if label in occurring]
        classes += sorted(occurring.difference(classes))
        return to_annotations(self.root, files, infos, objects, classes, notes)

    @cached_property
    def _finder(self) -> ImageFinder:
        return ImageFinder(self.root, self.folder.walk('', SUFFIXES))

    def _read_file(self) -> None:
        tree = read_xml(self._file, 'image', self._read_image)
        if tree.find('track') is not None:
            raise UserError(
                f'{self._file} is CVAT\'s export for videos, with tracks: export the task as "CVAT for images 1.1"'
            )
        if not self._images:
            raise UserError(f'{self._file} lists no images: export the task as "CVAT for images 1.1"')
        names = [name.text or '' for name in tree.iterfind('meta//labels/label/name')]
        self._labels = list(dict.fromkeys(name.strip() for name in names))

    def _read_image(self, element: Element) -> None:
        name = element.get('name', '')
        where = f'{self._file}: image {short(name)}'
        if not name:
            raise UserError(f'{self._file}: image {len(self._images) + 1} has no name')
        try:
            width, height = parse_side(element.get('width')), parse_side(element.get('height'))
        except ValueError as error:
            raise UserError(f'{where}: the size of the image, {error}, is not a number of pixels') from error
        if width is None or height is None:
            raise UserError(f'{where} needs a width and a height')
        self._left_out.update(shape.tag for shape in element if shape.tag in OTHERS)
        shapes = [shape for shape in element if shape.tag in OBJECTS]
        for shape in shapes:
            shape[:] = []  # CVAT's attributes of an object
        self._images.append(_Image(name, (width, height), element.get('subset', ''), shapes))


def _find_files(folder: Folder) -> list[str]:
    places = ['', *folder.folders()]
    listed = (folder.files(place, '*.xml') for place in places)
    return [
        file
        for files in listed
        if len(files) <= _MOST_FILES
        for file in files
        if xml_root(folder / file) == 'annotations'
    ]
