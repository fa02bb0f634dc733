"""Which label map belongs to which image, told by one rule for all names of a folder."""

import posixpath
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple
from unicodedata import normalize

_SEPARATOR = '[-_. ]+'
# What people put behind or before the common part of two names.
_OF_MAPS = (
    'masks?|labels?|label[-_]?maps?|lbl|lab|l|p|gt|gts|ground[-_]?truth|seg|segs|segmentation|segmentations|semantic|'
    'annot|annots|anno|ann|annotation|annotations|colou?rs?|manual\\d?|1stho|2ndho|matte|trimap|'
    'label[-_]?ids|label[-_]?train[-_]?ids|train[-_]?ids|gt(?:fine|coarse)[-_](?:labelids|labeltrainids)|'
    'jpe?g|png|bmp|tiff?'  # the suffix of the image
)
_OF_IMAGES = 'images?|img|im|rgb|sat|photo|orig|original|input|leftimg8bit|training|test'
_BEHIND = {
    'map': re.compile(rf'(?P<key>.+?)(?P<affix>{_SEPARATOR}(?:{_OF_MAPS}))', re.IGNORECASE),
    'image': re.compile(rf'(?P<key>.+?)(?P<affix>{_SEPARATOR}(?:{_OF_IMAGES}))', re.IGNORECASE),
}
_BEFORE = {
    'map': re.compile(
        rf'(?P<affix>(?:masks?|labels?|gt|seg|annotation)(?:{_SEPARATOR}|(?=\d)))(?P<key>.+)', re.IGNORECASE
    ),
    'image': re.compile(rf'(?P<affix>(?:{_OF_IMAGES})(?:{_SEPARATOR}|(?=\d)))(?P<key>.+)', re.IGNORECASE),
}


class Affix(NamedTuple):
    """What a name has beside the part that an image and its label map share, in lower case."""

    before: str = ''
    behind: str = ''


class Rule(NamedTuple):
    """How names of images and label maps differ."""

    image: Affix
    map: Affix

    @property
    def rank(self) -> tuple[int, int]:
        """What makes one of several rules better: Cityscapes' train ids, no colors, short additions."""
        behind = self.map.behind
        return ('train' in behind) - ('colo' in behind), -sum(len(text) for affix in self for text in affix)


def find_rule(images: Iterable[str], maps: Iterable[str], same_folder: bool = False) -> tuple[Rule, int]:
    """The rule that pairs most images, and the number of its pairs.

    Args:
        images: Names of images, with their folder and without suffix.
        maps: Names of label maps, alike.
        same_folder: Whether both are the same files, so that each label map needs an addition.
    """
    by_key: dict[str, set[Affix]] = defaultdict(set)
    for name in maps:
        for key, affix in _split(name, 'map'):
            if affix != Affix() or not same_folder:
                by_key[key].add(affix)
    counts = Counter[Rule]()
    for name in images if by_key else ():
        for key, affix in _split(name, 'image'):
            counts.update(Rule(affix, other) for other in by_key.get(key, ()))
    return max(counts.items(), key=lambda item: (item[1], item[0].rank, item[0]), default=(Rule(Affix(), Affix()), 0))


def apply_rule(names: Sequence[str], affix: Affix, kind: str) -> dict[str, list[str]]:
    """Common part -> the names, with their suffix, that have it and `affix`."""
    found: dict[str, list[str]] = defaultdict(list)
    affix = Affix(affix.before.lower(), affix.behind.lower())
    for name in names:
        for key, other in _split(posixpath.splitext(name)[0], kind):
            if other == affix:
                found[key].append(name)
    return found


def _split(name: str, kind: str) -> Iterator[tuple[str, Affix]]:
    """The ways to divide a name into a common part and an addition; macOS stores accents otherwise than others."""
    name = normalize('NFC', name)
    folder, base = posixpath.split(name)
    yield name, Affix()
    if match := _BEHIND[kind].fullmatch(base):
        yield posixpath.join(folder, match['key']), Affix(behind=match['affix'].lower())
    if match := _BEFORE[kind].fullmatch(base):
        yield posixpath.join(folder, match['key']), Affix(before=match['affix'].lower())
