"""The batch of a data set that takes the most memory: its largest images, with the most objects."""

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from heapq import nlargest
from itertools import chain, islice, repeat
from typing import Any

from torch.utils.data import DataLoader

from ..seeding import SAMPLE, seed_all

_OF_EACH_KIND = 6  # images that are loaded: the tallest, the widest, the largest, those with the most objects, any
_DRAWS = 4  # times that each goes through the pipeline, which may scale and crop it at random


class WorstBatch:
    """Batches of any size that take as much memory as any batch of a training run may.

    Images go through the training pipeline. A batch is padded to the height of its tallest image and the width of its
    widest, so it begins with these two; the one with the most objects fills it up.

    Args:
        loader: Loader of the training data; nothing is drawn from its sampler.

    Attributes:
        objects: Most objects in an image.
    """

    def __init__(self, loader: DataLoader) -> None:
        self._collate: Callable[[list], Any] = loader.collate_fn
        # Some samplers put only images of one orientation into a batch, so that a tall and a wide one never meet.
        apart = 'AspectRatio' in type(loader.batch_sampler).__name__
        groups: dict[bool, _Group] = {}
        for sample in _loaded(loader.dataset):
            groups.setdefault(apart and _height(sample) > _width(sample), _Group(sample)).add(sample)
        self.objects = max(_count_objects(group.fullest) for group in groups.values())
        self._alone = max((group.largest for group in groups.values()), key=_area)
        self._group = max(groups.values(), key=lambda group: _height(group.tallest) * _width(group.widest))

    def __call__(self, size: int) -> Any:
        """A batch of `size` images as the loader collates it; a copy, because models change what they are given."""
        group = self._group
        samples = islice(chain([group.tallest, group.widest], repeat(group.fullest)), size)
        return self._collate([deepcopy(sample) for sample in ([self._alone] if size == 1 else samples)])


class _Group:
    """The extreme ones among the samples that may meet in a batch."""

    def __init__(self, sample: dict) -> None:
        self.largest = self.tallest = self.widest = self.fullest = sample

    def add(self, sample: dict) -> None:
        self.largest = max(self.largest, sample, key=_area)
        self.tallest = max(self.tallest, sample, key=_height)
        self.widest = max(self.widest, sample, key=_width)
        self.fullest = max(self.fullest, sample, key=_count_objects)


def _loaded(dataset: Any) -> Iterator[dict]:
    for number, index in enumerate(_candidates(dataset)):
        for draw in range(_DRAWS):
            seed_all(0, SAMPLE, number, draw)
            yield dataset[index]


def _candidates(dataset: Any) -> list[int]:
    """Indices of images that may be the worst, by what their data set says of them, and of some others."""
    images = len(dataset)
    chosen = list(range(0, images, max(1, images // _OF_EACH_KIND)))[:_OF_EACH_KIND]
    if callable(getattr(dataset, 'get_data_info', None)):
        facts = [(_facts(dataset.get_data_info(index)), index) for index in range(images)]
        for part in range(4):
            chosen += [index for _, index in nlargest(_OF_EACH_KIND, facts, key=lambda fact: fact[0][part])]
    return list(dict.fromkeys(chosen))


def _facts(info: Any) -> Sequence[float]:
    """Ratio of height to width, of width to height, area, and number of objects; 0 where it is not known."""
    info = info if isinstance(info, dict) else {}
    height, width = info.get('height') or 0, info.get('width') or 0
    ratios = (height / width, width / height) if height and width else (0.0, 0.0)
    return (*ratios, height * width, len(info.get('instances') or ()))


def _height(sample: dict) -> int:
    return sample['inputs'].shape[-2]


def _width(sample: dict) -> int:
    return sample['inputs'].shape[-1]


def _area(sample: dict) -> int:
    return _height(sample) * _width(sample)


def _count_objects(sample: dict) -> int:
    return len(getattr(sample['data_samples'], 'gt_instances', ()))
