"""Cityscapes (Cordts et al., CVPR 2016): 19 of its 34 labels are learned, by their ids or as train ids from 0."""

from collections.abc import Sequence

from ...errors import UserError
from .base import LabelNames
from .folder import Folder
from .label_map_places import Place, splits_in
from .label_names import sample
from .pair_rule import Affix, Rule
from .paired import PairedFormat
from .pairs import Pairing

IMAGES, MAPS = 'leftImg8bit', 'gtFine'
TRAIN_IDS, IDS = '_gtFine_labelTrainIds', '_gtFine_labelIds'
# Id -> class, in the order of the train ids.
CLASSES = {
    7: 'road',
    8: 'sidewalk',
    11: 'building',
    12: 'wall',
    13: 'fence',
    17: 'pole',
    19: 'traffic light',
    20: 'traffic sign',
    21: 'vegetation',
    22: 'terrain',
    23: 'sky',
    24: 'person',
    25: 'rider',
    26: 'car',
    27: 'truck',
    28: 'bus',
    31: 'train',
    32: 'motorcycle',
    33: 'bicycle',
}


class Cityscapes(PairedFormat):
    """Train ids are read if every image has them, ids otherwise; the labels of the test split are secret."""

    name = 'Cityscapes'
    expects = f'`{IMAGES}/{{train,val}}/*/*_leftImg8bit.png`, `{MAPS}/` alike with `*{TRAIN_IDS}.png` or `*{IDS}.png`'
    tree = f"""
{IMAGES}/
  train/
    aachen/*_leftImg8bit.png
  val/
    frankfurt/*_leftImg8bit.png
{MAPS}/
  train/
    aachen/*{TRAIN_IDS}.png  # or *{IDS}.png
  val/
    frankfurt/*{TRAIN_IDS}.png
"""
    signs = {f'{IMAGES}/': 'images', f'{MAPS}/': 'label maps'}

    def __init__(self, folder: Folder) -> None:
        labeled = [place for split, place in splits_in(folder, IMAGES).items() if split != 'test']
        images = [
            name for place in labeled for name in folder.walk(place, {'.png'}) if name.endswith('_leftImg8bit.png')
        ]
        maps = set(folder.walk(MAPS, {'.png'}))
        train_ids = {
            f'{name.replace(IMAGES, MAPS, 1).removesuffix("_leftImg8bit.png")}{TRAIN_IDS}.png' for name in images
        }
        self._behind = TRAIN_IDS if train_ids <= maps else IDS
        super().__init__(folder)
        if 'test' in self.splits:
            shown = sample([self.root / name for name in self._pairings['test'].map_of.values()]).values
            if not shown & set(range(19) if self._behind == TRAIN_IDS else CLASSES):
                self.notes.append(f'left out, because its labels are not public: {self.splits.pop("test")}')

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return folder.has_folder(IMAGES) and folder.has_folder(MAPS)

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        images, maps = splits_in(folder, IMAGES), splits_in(folder, MAPS)
        if not images:
            raise UserError(f'{folder / IMAGES} has no folder train/')
        return {split: Place(place, maps.get(split, f'{MAPS}/{split}')) for split, place in images.items()}

    def pair(self, place: Place) -> Pairing:
        return Pairing(self.folder, place, Rule(Affix(behind='_leftimg8bit'), Affix(behind=self._behind.lower())))

    def find_names(self, places: Sequence[str], maps: Sequence[str]) -> LabelNames:
        found = super().find_names(places, maps)
        if found.names:
            return found
        names = tuple(CLASSES.values())
        if self._behind == TRAIN_IDS:
            return LabelNames(self.root, names, values=tuple(range(len(names))))
        return LabelNames(self.root, names, values=tuple(CLASSES), ignored=frozenset(range(34)) - set(CLASSES))
