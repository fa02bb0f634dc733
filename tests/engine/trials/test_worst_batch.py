"""The batch that takes the most memory is made of the largest images with the most objects."""

import random

import torch
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData
from torch.utils.data import DataLoader, RandomSampler

from mmbackbones.engine.trials.worst_batch import WorstBatch


class Images:
    """Images by height, width and number of objects, without pixels; `scales` are drawn from at random."""

    def __init__(self, *images: tuple[int, int, int], scales=(1,), says: bool = True) -> None:
        self.images, self.scales = images, scales
        self.loaded: list[int] = []
        if says:
            self.get_data_info = self._info

    def _info(self, index: int) -> dict:
        height, width, objects = self.images[index]
        return dict(height=height, width=width, instances=[{}] * objects)

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int) -> dict:
        self.loaded.append(index)
        height, width, objects = self.images[index]
        scale = random.choice(self.scales)
        objects = InstanceData(labels=torch.zeros(objects))
        return dict(
            inputs=torch.empty(3, height * scale, width * scale), data_samples=DetDataSample(gt_instances=objects)
        )


def facts(batch: list[dict]) -> list[tuple[int, int, int]]:
    return [(*sample['inputs'].shape[1:], len(sample['data_samples'].gt_instances)) for sample in batch]


def loader(images: Images, **options) -> DataLoader:
    return DataLoader(images, collate_fn=list, **options)


MANY = [(20, 30, 1)] * 300
EXTREMES = [(10, 90, 0), (70, 20, 0), (50, 60, 2), (20, 20, 8)]


def test_extremes_among_many():
    images = Images(*MANY, *EXTREMES, *MANY)
    batch = WorstBatch(loader(images))
    assert batch.objects == 8
    assert facts(batch(1)) == [(50, 60, 2)]
    assert facts(batch(2)) == [(70, 20, 0), (10, 90, 0)]
    assert facts(batch(4)) == [(70, 20, 0), (10, 90, 0), (20, 20, 8), (20, 20, 8)]
    assert {300, 301, 302, 303} < set(images.loaded)
    assert len(images.loaded) < 150


def test_images_of_one_orientation():
    """As in MMDetection's batches: a tall and a wide image never meet."""
    images = Images(*MANY, *EXTREMES, (30, 40, 9))
    batches = AspectRatioBatchSampler(RandomSampler(images), batch_size=2)
    batch = WorstBatch(loader(images, batch_sampler=batches))
    assert facts(batch(3)) == [(50, 60, 2), (10, 90, 0), (30, 40, 9)]


def test_random_sizes():
    batch = WorstBatch(loader(Images(*[(20, 30, 1)] * 9, scales=(1, 2, 3))))
    assert facts(batch(2)) == [(60, 90, 1)] * 2


def test_a_data_set_that_says_nothing():
    images = Images(*[(20, 30, 0)] * 3, (20, 40, 0), says=False)
    assert facts(WorstBatch(loader(images))(2)) == [(20, 30, 0), (20, 40, 0)]


def test_batches_are_copies():
    batch = WorstBatch(loader(Images((20, 30, 1))))
    first = batch(2)
    first[0]['inputs'].resize_(3, 1, 1)
    assert facts(batch(2)) == facts(first[1:]) * 2
