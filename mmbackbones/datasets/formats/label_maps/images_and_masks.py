"""Images and label maps as people keep them: two folders, folders of splits, or one folder with both."""

from ..folder import Folder
from .paired import PairedFormat
from .places import Place, find_places


class ImagesAndMasks(PairedFormat):
    """Label maps named like the images, or like them with one addition, such as `_mask`."""

    name = 'images and masks'
    tools = {'Kaggle': 'masks', 'CVAT': 'CamVid 1.0', 'CamVid': ''}
    expects = (
        '`images/` and `masks/` (or `labels/`, `annotations/`, `gt/` ...), with `{train,val,test}/` in them, around '
        'them or not at all, or `a.jpg` beside `a_mask.png`; optionally `classes.txt` or `class_dict.csv`'
    )
    tree = """
images/
  train/*.jpg
  val/*.jpg
masks/  # or labels/, annotations/, gt/ ...
  train/*.png  # one per image, of the same name, or all with the same addition, such as _mask
  val/*.png
classes.txt  # optional; or class_dict.csv, labelmap.txt, label_colors.txt
"""
    signs = {'images/': 'images', 'masks/': 'label maps'}

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        return find_places(folder)
