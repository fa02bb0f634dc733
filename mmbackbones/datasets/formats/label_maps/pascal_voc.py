"""Label maps as in Pascal VOC (Everingham et al., IJCV 2010): 0 is the background, 255 the border of an object."""

from collections.abc import Sequence

from ....errors import UserError
from ..base import LabelNames
from ..folder import Folder
from .names import find_label_names
from .paired import PairedFormat
from .places import Place

IMAGES = 'JPEGImages'
MAPS = ('SegmentationClassAug', 'SegmentationClassPNG', 'SegmentationClass')  # the first with label maps
CLASSES = (
    'background', 'aeroplane', 'bicycle', 'bird', 'boat', 'bottle', 'bus', 'car', 'cat', 'chair', 'cow', 'diningtable',
    'dog', 'horse', 'motorbike', 'person', 'pottedplant', 'sheep', 'sofa', 'train', 'tvmonitor',
)  # fmt: skip


class PascalVocMasks(PairedFormat):
    """VOC's own folders, and those of labelme and CVAT; without a file of names, the classes are VOC's."""

    name = 'Pascal VOC masks'
    tools = {'Pascal VOC': 'label maps', 'CVAT': 'Segmentation mask 1.1', 'labelme': 'labelme2voc.py'}
    expects = (
        '`JPEGImages/`, `SegmentationClass/*.png`, `ImageSets/Segmentation/{train,val,test,trainval,default}.txt`; '
        'optionally `class_names.txt` or `labelmap.txt`'
    )
    tree = """
JPEGImages/*.jpg
SegmentationClass/*.png  # or SegmentationClassAug/, SegmentationClassPNG/
ImageSets/
  Segmentation/
    train.txt
    val.txt
labelmap.txt  # optional; or class_names.txt, classes.txt
"""
    signs = {
        'JPEGImages/': 'images',
        'SegmentationClass/*.png': 'label maps',
        'ImageSets/Segmentation/*.txt': 'lists of the images of each split',
    }
    list_places = ('ImageSets/Segmentation', '')
    zero = 'background'

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return any(folder.walk(place, {'.png'}) for place in MAPS)

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        maps = next(place for place in MAPS if folder.walk(place, {'.png'}))
        if not folder.has_folder(IMAGES):
            raise UserError(
                f'{folder / maps} has label maps, but there are no images: put them into {folder / IMAGES}, or export '
                'again with the images (in CVAT: "Save images")'
            )
        return {'all': Place(IMAGES, maps)}

    def find_lists(self, place: Place) -> dict[str, str]:
        lists = super().find_lists(place)
        augmented = [f'ImageSets/Segmentation/{name}.txt' for name in ('trainaug', 'train_aug')]
        if place.maps == MAPS[0] and (found := list(filter(self.folder.has_file, augmented))):
            lists |= {'train': found[0]}  # of the label maps by Hariharan et al., ICCV 2011
        return lists

    def find_names(self, places: Sequence[str], maps: Sequence[str]) -> LabelNames:
        own = [(name, _color(value)) for value, name in enumerate(CLASSES)]
        return find_label_names(self.folder, places, maps, self.zero, own)


def _color(value: int) -> int:
    """The color that VOC gives a label: its bits, lowest first, are dealt out to red, green and blue, highest first."""
    color = 0
    for bit in range(8):
        color |= (value >> bit & 1) << (16 - 8 * (bit % 3)) + 7 - bit // 3
    return color
