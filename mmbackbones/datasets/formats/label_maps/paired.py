"""What formats have in common whose label maps are files named like the images."""

import os
from abc import abstractmethod
from collections.abc import Sequence
from functools import cached_property
from itertools import combinations
from pathlib import Path
from typing import ClassVar

from ....errors import UserError
from ....utils.text import counted
from ...checks.images import SUFFIXES
from ..base import LabeledImages, LabelNames, SegmentationFormat
from ..folder import Folder
from ..split_names import describe_unused
from .names import Zero, find_label_names
from .pairs import Pairing, describe_spare, read_pairs
from .places import Place
from .split_lists import PLACES, divide, find_lists


class PairedFormat(SegmentationFormat):
    """Images and label maps in folders of each split, or in one place, with a list of each split or none.

    Attributes:
        list_places: Folders that may hold the lists.
        zero: What label 0 is where a mere list names the labels, see
            :func:`~mmbackbones.datasets.formats.label_maps.names.find_label_names`.
    """

    list_places: ClassVar[Sequence[str]] = PLACES
    zero: ClassVar[Zero] = 'named'

    def __init__(self, folder: Folder) -> None:
        super().__init__(folder)
        places = self.find_places(folder)
        if 'all' in places:
            self._set_lists(places['all'])
        else:
            self._pairings = {split: self.pair(place) for split, place in places.items()}
            self._places = places
            self._images: dict[str, list[str]] = {split: item.images for split, item in self._pairings.items()}
            self.splits = {split: place.images for split, place in places.items()}
            self._describe_unused()
        if 'test' in self.splits and not self._is_labeled('test'):
            self.notes.append(f'left out, because it has no label maps: {self.splits.pop("test")}')

    @classmethod
    @abstractmethod
    def find_places(cls, folder: Folder) -> dict[str, Place]:
        """Split -> its folders; `all` where no folder is a split; empty if the folder is not in this format."""

    @classmethod
    def match(cls, folder: Folder) -> bool:
        return bool(cls.find_places(folder))

    def pair(self, place: Place) -> Pairing:
        """Pair the files of a place."""
        return Pairing(self.folder, place)

    def find_lists(self, place: Place) -> dict[str, str]:
        """Split -> the list of its images, where no folder is a split."""
        return find_lists(self.folder, self.list_places)

    def find_names(self, places: Sequence[str], maps: Sequence[str]) -> LabelNames:
        """Names of the labels.

        Args:
            places: Folders besides the data folder that may hold a file of names.
            maps: The label maps, relative to the data folder.
        """
        return find_label_names(self.folder, places, maps, self.zero)

    @cached_property
    def _label_names(self) -> LabelNames:
        places = [path for split in self.splits for path in (self._places[split].maps, self._places[split].images)]
        parents = [path.rpartition('/')[0] for path in places]
        pairings = {self._places[split]: self._pairings[split] for split in self.splits}
        maps = [name for pairing in pairings.values() for name in pairing.map_of.values()]
        return self.find_names([*parents, *places], maps)

    def read_label_names(self) -> LabelNames:
        return self._label_names

    def read(self, split: str, out_dir: Path) -> LabeledImages:
        pairing, place = self._pairings[split], self._places[split]
        pairs = pairing.pairs(self._images[split])
        found = read_pairs(self.root, place, pairs, self._label_names.by_color)
        shared = [place.maps for place in self._places.values()].count(place.maps) > 1
        return LabeledImages(found.pairs, (*describe_spare(place.maps, [] if shared else pairing.spare), *found.notes))

    def _is_labeled(self, split: str) -> bool:
        pairing = self._pairings[split]
        return pairing.has_maps and any(image in pairing.map_of for image in self._images[split])

    def _describe_unused(self) -> None:
        used = {path for place in self._places.values() for path in place}
        beside = [
            path
            for parent in {os.path.dirname(path) for path in used}
            if parent
            for path in self.folder.folders(parent)
        ]
        unused = [path for path in beside if path not in used and self.folder.walk(path, SUFFIXES)]
        self.notes += describe_unused([f'{path}/' for path in unused], self.root)

    def _set_lists(self, place: Place) -> None:
        pairing = self.pair(place)
        lists = self.find_lists(place)
        if lists:
            self._images, self.splits = divide(self.folder, lists, pairing.images)
            if not self._images:
                raise UserError(f'{self.folder / next(iter(lists.values()))} names no images')
            if left := set(pairing.images).difference(*self._images.values()):
                self.notes.append(
                    f'left out, because no list names them: {counted(len(left), "image")}, such as {min(left)}'
                )
            for one, other in combinations(self.splits, 2):
                if both := set(self._images[one]) & set(self._images[other]):
                    files = f'{self.splits[one]} and {self.splits[other]}'
                    self.notes.append(f'in both {files}: {counted(len(both), "image")}, such as {min(both)}')
        else:
            self._images, self.splits = {'train': pairing.images}, {'train': place.images or '.'}
        self._pairings = dict.fromkeys(self.splits, pairing)
        self._places = dict.fromkeys(self.splits, place)
