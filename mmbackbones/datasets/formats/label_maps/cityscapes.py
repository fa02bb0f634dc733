"""Cityscapes (Cordts et al., CVPR 2016): 19 of its 34 labels are learned, by their ids or as train ids from 0."""

from collections.abc import Sequence

from ....errors import UserError
from ..base import LabelNames
from ..folder import Folder
from .names import sample
from .pair_rule import Affix, Rule
from .paired import PairedFormat
from .pairs import Pairing
from .places import Place, splits_in

IMAGES, MAPS = ('leftImg8bit', 'imgsFine/leftImg8bit'), 'gtFine'  # the second is CVAT's
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
    tools = {'Cityscapes': '', 'CVAT': 'Cityscapes 1.0'}
    expects = (
        f'`{IMAGES[0]}/{{train,val}}/*/*_leftImg8bit.png`, `{MAPS}/` alike with `*{TRAIN_IDS}.png` or `*{IDS}.png`'
    )
    tree = f"""
{IMAGES[0]}/
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
    signs = {f'{IMAGES[0]}/': 'images', f'{MAPS}/': 'label maps'}

    def __init__(self, folder: Folder) -> None:
        self._behind = TRAIN_IDS
        places = [place for split, place in self.find_places(folder).items() if split != 'test']
        pairings = [Pairing(folder, place, self._rule) for place in places]
        if any(len(pairing.map_of) < len(pairing.images) for pairing in pairings):
            self._behind = IDS
        super().__init__(folder)
        if 'test' in self.splits:
            shown = sample([self.root / name for name in self._pairings['test'].map_of.values()]).values
            if not shown & set(range(len(CLASSES)) if self._behind == TRAIN_IDS else CLASSES):
                self.notes.append(f'left out, because its labels are not public: {self.splits.pop("test")}')

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return folder.has_folder(MAPS) and any(map(folder.has_folder, IMAGES))

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        parent = next(filter(folder.has_folder, IMAGES))
        images, maps = splits_in(folder, parent), splits_in(folder, MAPS)
        if images:
            return {split: Place(place, maps.get(split, f'{MAPS}/{split}')) for split, place in images.items()}
        if folder.has_folder(f'{parent}/default'):  # CVAT's name for everything
            return {'all': Place(f'{parent}/default', f'{MAPS}/default')}
        raise UserError(f'{folder / parent} has no folder train/')

    def pair(self, place: Place) -> Pairing:
        return Pairing(self.folder, place, self._rule)

    @property
    def _rule(self) -> Rule:
        return Rule(Affix(behind='_leftImg8bit'), Affix(behind=self._behind))

    def find_names(self, places: Sequence[str], maps: Sequence[str]) -> LabelNames:
        found = super().find_names(places, maps)
        if found.names:
            return found
        names = tuple(CLASSES.values())
        if self._behind == TRAIN_IDS:
            return LabelNames(self.root, names, values=tuple(range(len(names))))
        return LabelNames(self.root, names, values=tuple(CLASSES), ignored=frozenset(range(34)) - set(CLASSES))
