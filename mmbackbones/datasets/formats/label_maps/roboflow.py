"""Roboflow's export "Semantic Segmentation Masks": label maps beside the images, and a table of the values."""

from ..folder import Folder
from ..split_names import find_splits, split_of
from .paired import PairedFormat
from .places import Place

TABLE = '_classes.csv'


class RoboflowMasks(PairedFormat):
    """A folder per split with `*_mask.png` for each image; the splits have the same table."""

    name = 'Roboflow masks'
    tools = {'Roboflow': 'Semantic Segmentation Masks'}
    expects = f'`{{train,valid}}/` (and `test/`) with `*_mask.png` beside the images and `{TABLE}`'
    tree = f"""
train/
  {TABLE}
  a.jpg
  a_mask.png
valid/
  {TABLE}
  b.jpg
  b_mask.png
"""
    signs = {f'*/{TABLE}': 'the class of each value', '*/*_mask.png': 'label maps'}

    @classmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        # Roboflow's table of classes of whole images has this name as well.
        labeled = [
            place
            for place in folder.folders()
            if folder.has_file(f'{place}/{TABLE}') and folder.files(place, '*_mask.png')
        ]
        if not any(map(split_of, labeled)):
            return {}
        found = find_splits(filter(split_of, folder.folders()), str(folder.root))
        return {split: Place(place, place) for split, place in found.items()}
