"""Batches at positions of a run: what is drawn for them, and what is loaded."""

import random

import numpy as np
import pytest
import torch
from mmdet.datasets.samplers import AspectRatioBatchSampler
from mmengine.dataset import DefaultSampler, InfiniteSampler
from torch.utils.data import BatchSampler, DataLoader, Dataset

from mmbackbones.engine.loops import positions as module
from mmbackbones.engine.loops.positions import PositionedDataset, Positions, load


class Draws(Dataset):
    """Samples of an index and what is drawn for it; counts what is loaded and what is asked for."""

    def __init__(self, size: int = 7) -> None:
        self.size, self.loaded, self.asked = size, [], []

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple:
        self.loaded.append(index)
        return index, random.random(), float(np.random.rand()), float(torch.rand(()))

    def get_data_info(self, index: int) -> dict:
        self.asked.append(index)
        return dict(width=64, height=32 + 16 * (index % 4), instances=[])


def loader_of(dataset: Draws, sampler: type = DefaultSampler, batches: type = BatchSampler, **more) -> DataLoader:
    drop_last = more.pop('drop_last', False)
    batch_sampler = batches(sampler(dataset, seed=3), more.pop('batch_size', 2), drop_last)
    return DataLoader(dataset, batch_sampler=batch_sampler, collate_fn=list, **more)


def loaded(loader: DataLoader, begin: int, end: int, epoch: int = 0, epoch_begin: int = 0, seed: int = 5) -> list:
    return [batch for batch, _ in load(loader, Positions(loader.batch_sampler, begin, end, epoch, epoch_begin), seed)]


KINDS = [(InfiniteSampler, BatchSampler), (DefaultSampler, BatchSampler), (InfiniteSampler, AspectRatioBatchSampler)]


@pytest.mark.parametrize(('sampler', 'batches'), [*KINDS, (DefaultSampler, AspectRatioBatchSampler)])
def test_batches_from_an_iteration_on_are_those_of_the_whole_run(sampler, batches):
    whole = loaded(loader_of(Draws(), sampler, batches), 0, 9)
    assert len({draws for batch in whole for draws in batch}) == sum(map(len, whole))
    for begin in (1, 4, 6):
        dataset = Draws()
        assert loaded(loader_of(dataset, sampler, batches), begin, 9) == whole[begin:]
        assert dataset.loaded == [draws[0] for batch in whole[begin:] for draws in batch]
    if sampler is DefaultSampler:
        assert sorted(draws[0] for batch in whole[:4] for draws in batch) == list(range(7))


@pytest.mark.parametrize('drop_last', [False, True])
@pytest.mark.parametrize('batches', [BatchSampler, AspectRatioBatchSampler])
def test_an_epoch_does_not_depend_on_those_before(batches, drop_last):
    """MMDetection's batch sampler keeps the images of its last batch unless it is asked for one more."""

    def epoch(loader, number, skip=0):
        length = len(loader)
        return loaded(loader, number * length + skip, (number + 1) * length, number, number * length)

    loader = loader_of(Draws(8), batches=batches, drop_last=drop_last)
    run = [epoch(loader, number) for number in range(3)]
    assert [len(batches) for batches in run] == [4, 4, 4]
    assert run[0] != run[1]
    assert epoch(loader_of(Draws(8), batches=batches, drop_last=drop_last), 2) == run[2]
    assert epoch(loader_of(Draws(8), batches=batches, drop_last=drop_last), 1, skip=3) == run[1][3:]
    assert epoch(loader, 1, skip=4) == []


def test_neither_seed_nor_workers_nor_processes_are_mixed_up(monkeypatch):
    """Two processes draw for a batch of both what one process draws for it."""
    alone = loaded(loader_of(Draws(8), batch_size=4), 0, 3)
    assert loaded(loader_of(Draws(8), batch_size=4), 0, 3, seed=6) != alone
    assert loaded(loader_of(Draws(8), batch_size=4, num_workers=2), 0, 3) == alone
    shares = []
    for rank in range(2):
        for name in ('mmengine.dataset.sampler.get_dist_info', f'{module.__name__}.get_dist_info'):
            monkeypatch.setattr(name, lambda rank=rank: (rank, 2))
        shares.append(loaded(loader_of(Draws(8), batch_size=2), 0, 3))
    together = [[one, other] for share in zip(*shares, strict=True) for one, other in zip(*share, strict=True)]
    assert [draws for pair in together for draws in pair] == [draws for batch in alone for draws in batch]


@pytest.mark.parametrize(('sampler', 'batches'), KINDS)
def test_nothing_is_loaded_before_iteration_100_000(sampler, batches):
    dataset = Draws()
    loader = loader_of(dataset, sampler, batches)
    (batch,) = loaded(loader, 100_000, 100_001)
    assert dataset.loaded == [draws[0] for draws in batch]
    assert len(dataset.asked) == (7 if batches is AspectRatioBatchSampler else 0)


@pytest.mark.parametrize('workers', [0, 1])
def test_problems_of_samples_come_with_their_batch(workers, monkeypatch):
    def sample(self, position):
        index, iteration, place = position
        return index, (f'{iteration}.{place}',) if iteration == 1 else ()

    monkeypatch.setattr(PositionedDataset, '__getitem__', sample)
    loader = loader_of(Draws(), num_workers=workers)
    found = [problems for _, problems in load(loader, Positions(loader.batch_sampler, 0, 3), 0)]
    assert found == [(), ('1.0', '1.1'), ()]


def test_no_batch_at_all_is_no_endless_search():
    assert loaded(loader_of(Draws(1), drop_last=True), 0, 3) == []
