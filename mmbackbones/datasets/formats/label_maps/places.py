"""Where a data folder has images and where their label maps, told by the names of its folders."""

import os
import re
from typing import NamedTuple

from ....errors import UserError
from ...checks.images import SUFFIXES
from ..folder import Folder
from ..split_names import NAMES, select_splits, split_of
from .pair_rule import find_rule

MIN_BESIDE = 0.4  # share of the files that must be label maps beside their images; half of them are

# Names of folders, in lower case and without hyphens, underscores and spaces.
_MAPS = """
    mask masks maskimage maskimages maskspng label labels lab labs labelmap labelmaps labelspng labelimages
    labelimagessemantic annot annots anno ann annotation annotations gt gts groundtruth groundtruths target targets
    seg segs semantic semanticmask semanticmasks segmentation segmentations segmentationmask segmentationmasks
    segmentationmap segmentationmaps labeledapprovedfull 701labelsfull 1stmanual
"""  # the last three of CamVid and DRIVE
_IMAGES = """
    image images img imgs photo photos picture pictures pic pics rgb input inputs original originals originalimages
    jpegimages pngimages imagespng imagesjpg 701stillsrawfull image2
"""  # the last two of CamVid and KITTI
_KINDS = {'': ''} | dict.fromkeys(_MAPS.split(), 'maps') | dict.fromkeys(_IMAGES.split(), 'images')
_SPLITS = {'': ('',), **NAMES, 'default': ('default',)}  # the last of CVAT
# Files of other annotations in a folder that might hold label maps.
_OTHER = {'.txt', '.json', '.xml', '.csv'}


class Place(NamedTuple):
    """Folders of the images and of the label maps of a split; the same if the label maps are beside the images."""

    images: str
    maps: str


class _Name(NamedTuple):
    """What the name of a folder says."""

    split: str = ''
    kind: str = ''  # 'maps', 'images' or nothing


def find_places(folder: Folder) -> dict[str, Place]:
    """Split -> its folders; `all` where nothing is divided into splits; empty if there are no label maps.

    A split without label maps has a folder of them that does not exist.
    """
    named = {place: _read_name(place) for place in folder.folders()}
    return (
        _siblings(folder, named)
        or _by_kind(folder, '', named)
        or _by_split(folder, named)
        or ({'all': Place('', '')} if _is_beside(folder, '') else {})
    )


def _read_name(name: str) -> _Name:
    plain = re.sub('[-_ ]', '', name.lower())
    for split, words in _SPLITS.items():
        for word in words:
            for rest in (plain.removeprefix(word), plain.removesuffix(word)):
                if rest in _KINDS and len(rest) == len(plain) - len(word):
                    return _Name(split, _KINDS[rest])
    return _Name(split_of(name) or '')  # such as val2017


def _siblings(folder: Folder, named: dict[str, _Name]) -> dict[str, Place]:
    """`train/` and `train_labels/`, `train_images/` and `train_masks/`, or `default/` and `defaultannot/`."""
    by_name: dict[_Name, str] = {}
    for place, name in named.items():
        by_name.setdefault(name, place)
    found = {}
    for split in (*NAMES, 'default'):
        images = by_name.get(_Name(split, 'images')) or by_name.get(_Name(split))
        maps = by_name.get(_Name(split, 'maps'))
        if images and maps:
            found['all' if split == 'default' else split] = Place(images, maps)
        elif images and split in NAMES and found:
            found[split] = Place(images, f'{images}_masks')  # which is missed if need be
    return found if any(_has_maps(folder, place.maps) for place in found.values()) else {}


def _by_kind(folder: Folder, parent: str, named: dict[str, _Name]) -> dict[str, Place]:
    """`images/` and `masks/`, each with a folder per split in it or none; or `masks/` in the folder of the images.

    Args:
        folder: The data folder.
        parent: A folder in it.
        named: The folders in `parent`.

    Raises:
        UserError: Several folders could hold the images, or the label maps.
    """
    maps = [_descend(folder, place) for place, name in named.items() if name == _Name(kind='maps')]
    maps = [place for place in maps if _has_maps(folder, place)]
    if not maps:
        return {}
    images = [_descend(folder, place) for place, name in named.items() if name == _Name(kind='images')]
    images = [place for place in images if folder.walk(place, SUFFIXES)]
    if not images and any(os.path.splitext(name)[1].lower() in SUFFIXES for name in folder.files(parent)):
        images = [parent]
    if not images:  # of any other name, if there is only one
        others = [place for place, name in named.items() if name.kind != 'maps' and folder.walk(place, SUFFIXES)]
        if len(others) != 1 or named[others[0]].split:
            return {}
        images = [_descend(folder, others[0])]
    for kind, places in (('label maps', maps), ('images', images)):
        if len(places) > 1:
            raise UserError(f'{folder / parent} has several folders of {kind}: {", ".join(places)}; keep one')
    (image_place,), (map_place,) = images, maps
    image_splits, map_splits = (splits_in(folder, place) if place else {} for place in (image_place, map_place))
    if not image_splits:
        return {'all': Place(image_place, map_place)}
    return {
        split: Place(place, map_splits.get(split, f'{map_place}/{_base(place)}') if map_splits else map_place)
        for split, place in image_splits.items()
    }


def _descend(folder: Folder, place: str) -> str:
    """The folder that holds the images in `place`, such as `masks/masks/`, unless there are several."""
    while not any(os.path.splitext(name)[1].lower() in SUFFIXES for name in folder.files(place)):
        inner = [path for path in folder.folders(place) if folder.walk(path, SUFFIXES)]
        if len(inner) != 1 or split_of(_base(inner[0])):
            break
        (place,) = inner
    return place


def _by_split(folder: Folder, named: dict[str, _Name]) -> dict[str, Place]:
    """`train/images/` and `train/masks/`, or `train/` with label maps beside the images."""
    found = {}
    for place, name in named.items():
        if name.kind or name.split not in NAMES or name.split in found:
            continue
        inner = {path: _read_name(_base(path)) for path in folder.folders(place)}
        if by_kind := _by_kind(folder, place, inner):
            found[name.split] = next(iter(by_kind.values()))
        elif folder.walk(place, SUFFIXES):
            found[name.split] = Place(place, place)
    found = {split: found[split] for split in NAMES if split in found}
    labeled = [place for place in found.values() if place.images != place.maps or _is_beside(folder, place.images)]
    return found if labeled else {}


def splits_in(folder: Folder, place: str) -> dict[str, str]:
    """Split -> the folder in `place` with a usual name of it.

    Raises:
        UserError: Several folders could be the same split.
    """
    named = {base: path for path in folder.folders(place) if split_of(base := _base(path))}
    return select_splits(named, str(folder / place))


def _base(path: str) -> str:
    return path.rsplit('/', 1)[-1]


def _has_maps(folder: Folder, place: str) -> bool:
    """Whether a folder holds files that may be label maps, and no annotations of another kind with the same names."""
    return len(folder.walk(place, SUFFIXES)) > 2 * len(folder.walk(place, _OTHER))


def _is_beside(folder: Folder, place: str) -> bool:
    """Whether a folder holds images with their label maps beside them."""
    stems = [name.rsplit('.', 1)[0] for name in folder.walk(place, SUFFIXES)]
    _, pairs = find_rule(stems, stems, same_folder=True)
    return pairs > 0 and pairs >= MIN_BESIDE * len(stems)
