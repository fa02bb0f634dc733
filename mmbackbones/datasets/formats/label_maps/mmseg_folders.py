"""The folders that MMSegmentation's documentation proposes: `img_dir/` and `ann_dir/`."""

from ..folder import Folder
from .paired import PairedFormat
from .places import Place, splits_in

IMAGES, MAPS = 'img_dir', 'ann_dir'


class MmsegFolders(PairedFormat):
    """A folder per split in each; the suffixes of the names may differ, such as `_leftImg8bit` and `_labelTrainIds`."""

    name = 'MMSegmentation'
    tools = {'MMSegmentation': ''}
    expects = f'`{IMAGES}/{{train,val}}/` (and `test/`), `{MAPS}/` alike with a PNG per image; optionally `classes.txt`'
    tree = f"""
{IMAGES}/
  train/*.jpg
  val/*.jpg
{MAPS}/
  train/*.png  # one per image, of the same name, or all with the same addition
  val/*.png
classes.txt  # optional
"""
    signs = {f'{IMAGES}/': 'images', f'{MAPS}/': 'label maps'}

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return folder.has_folder(IMAGES) and folder.has_folder(MAPS)

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        images, maps = splits_in(folder, IMAGES), splits_in(folder, MAPS)
        if not images:
            return {'all': Place(IMAGES, MAPS)}
        return {split: Place(place, maps.get(split, f'{MAPS}/{split}')) for split, place in images.items()}
