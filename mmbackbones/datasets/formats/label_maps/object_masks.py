"""Label maps that no file holds: they are drawn from the masks of objects."""

from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

from ....errors import UserError
from ...checks.annotations import check_categories
from ...checks.label_maps import IGNORE_INDEX, Pair
from ..base import Annotations, DetectionFormat, LabeledImages, LabelNames, SegmentationFormat
from ..checked_file import check_file, repair_file
from ..folder import Folder
from .drawn import Drawing, Region, write_drawn
from .names import MAX_CLASSES
from .pairs import check_not_narrow

BACKGROUNDS = {'background', '_background_'}  # names of categories that are what no object covers, in lower case
RULE = 'where objects overlap, smaller ones lie on top of larger ones, and later ones on top of others of the same size'


class ObjectMasks(SegmentationFormat):
    """A folder in any format with boxes whose objects all have masks; one class for each category.

    Crowds are ignored where no object lies on them.

    Args:
        objects: The folder in its own format.
    """

    name = 'object masks'
    expects = 'a folder with boxes whose objects all have masks (polygons or RLE, as `segmentation` in COCO files)'
    tree = """
annotations/  # or any other format with boxes, whose objects all have masks
  train.json
  val.json
images/*.jpg
"""
    signs: ClassVar[Mapping[str, str]] = {}

    def __init__(self, objects: DetectionFormat) -> None:
        super().__init__(objects.folder)
        self._objects = objects
        self.splits = self._objects.splits
        self.notes = [
            *self._objects.notes,
            f'{self.root} ({self._objects.name}) holds no label maps: they are drawn from the masks of its objects; '
            f'{RULE}',
        ]
        self._unchecked: dict[str, Annotations] = {}  # what has been read for the classes alone

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return False  # the folder is in another format, whose objects those who ask for it get as label maps

    def read_label_names(self) -> LabelNames:
        names = tuple(name for name in self._classes if not _is_background(name))
        file = self.root / self.splits[self._first]
        if not 1 <= len(names) <= MAX_CLASSES:
            raise UserError(
                f'{file} has {len(names)} categories besides the background: label maps can hold 1 to {MAX_CLASSES}'
            )
        return LabelNames(
            file,
            names,
            values=tuple(range(1, len(names) + 1)),
            background_name=next(filter(_is_background, self._classes), 'background'),
            background='class',
        )

    def read(self, split: str, out_dir: Path) -> LabeledImages:
        source, whose = self.splits[split], f'those of {self.root / self.splits[self._first]}'
        classes = self._classes
        annotations = self._unchecked.pop(split, None) or self._read(split)
        item = check_file(self.root, source, annotations, classes, whose, masks_for='a segmentor')
        repaired = repair_file(self.root, item, classes)
        data, folder = annotations.data, annotations.image_dir
        files = [image['file_name'] for image in data['images']]
        check_not_narrow(folder, files, repaired.images)
        drawn = write_drawn(out_dir / 'masks' / split, self._list_drawings(data))
        orientations = {file: info.orientation for file, info in zip(files, repaired.images, strict=True)}
        pairs = [Pair(folder / file, path, label, orientations[file]) for file, (path, label) in drawn.items()]
        return LabeledImages(pairs, tuple(repaired.notes))

    def _list_drawings(self, data: dict[str, Any]) -> list[Drawing]:
        """What the label map of each image file is drawn from; a file may be listed as several images."""
        values = {name: number for number, name in enumerate(self.read_label_names().names or (), 1)}
        labels = {item['id']: values.get(item['name'], 0) for item in data['categories']}
        drawings: dict[str, Drawing] = {}
        of_image: dict[int, Drawing] = {}
        for image in data['images']:
            name = image['file_name']
            of_image[image['id']] = drawings.setdefault(name, Drawing(name, (image['width'], image['height']), []))
        for item in data['annotations']:
            value = IGNORE_INDEX if item['iscrowd'] else labels[item['category_id']]
            of_image[item['image_id']].regions.append(Region(value, item['segmentation']))
        return list(drawings.values())

    @property
    def _first(self) -> str:
        """The split whose classes are those of all."""
        return next(iter(self.splits))

    @cached_property
    def _classes(self) -> tuple[str, ...]:
        annotations = self._unchecked[self._first] = self._read(self._first)
        return tuple(category['name'] for category in annotations.data['categories'])

    def _read(self, split: str) -> Annotations:
        annotations = self._objects.read(split)
        check_categories(annotations.data, str(self.root / self.splits[split]))
        return annotations


def _is_background(name: str) -> bool:
    return name.lower() in BACKGROUNDS
