"""Data workers go on from epoch to epoch, and load what workers that are started anew would."""

import os
from contextlib import suppress
from types import SimpleNamespace

import pytest
from mmdet.engine.hooks import DetVisualizationHook, PipelineSwitchHook
from mmengine.dataset import DefaultSampler
from mmengine.hooks import Hook
from torch.utils.data import BatchSampler, DataLoader, Dataset, RandomSampler

from mmbackbones.engine.bad_data import BadDataHook
from mmbackbones.engine.loops import PositionedEpochLoop, epoch_loop, kept_workers
from mmbackbones.engine.loops.kept_workers import may_keep_workers
from mmbackbones.engine.seeding import ReseedHook


class Processes(Dataset):
    """Samples of an index and the process that loads it."""

    def __len__(self) -> int:
        return 6

    def __getitem__(self, index: int) -> tuple[int, int]:
        return index, os.getpid()


class Seen(Hook):
    """Remembers the batches, and interrupts the run at the end of an epoch if asked to."""

    def __init__(self, stop_after: int = 99) -> None:
        self.stop_after, self.batches = stop_after, []

    def after_train_epoch(self, runner) -> None:
        if runner.train_loop.epoch + 1 == self.stop_after:
            raise KeyboardInterrupt


def runner_of(hooks):
    runner = SimpleNamespace(hooks=hooks, seed=5, val_loop=None, world_size=1)
    runner.model = SimpleNamespace(train=lambda: None)
    runner.visualizer = SimpleNamespace(dataset_meta=None)
    return runner


def train(seen, sampler, workers=2, begin=0):
    """Runs 3 epochs of 3 iterations; returns the indices of each batch, and the processes that loaded each epoch."""
    indices, processes = [], [set() for _ in range(3)]
    runner = runner_of([ReseedHook(5), seen])
    batches = BatchSampler(sampler, 2, drop_last=False)
    loop = PositionedEpochLoop(
        runner, DataLoader(Processes(), batch_sampler=batches, num_workers=workers, collate_fn=list), 3
    )
    runner.train_loop = loop
    loop._iter, loop._epoch = begin, begin // 3

    def call_hook(name, **arguments):
        runner.epoch, runner.iter = loop.epoch, loop.iter
        for hook in runner.hooks:
            getattr(hook, name)(runner, **arguments)

    def run_iter(place, batch):
        assert place == loop._iter % 3
        call_hook('before_train_iter', batch_idx=place, data_batch=batch)
        indices.append([index for index, _ in batch])
        processes[loop.epoch].update(process for _, process in batch)
        loop._iter += 1

    runner.call_hook, loop.run_iter = call_hook, run_iter
    with suppress(KeyboardInterrupt):
        loop.run()
    assert loop._batches is None  # the workers have ended
    return indices, processes


SAMPLERS = [lambda: DefaultSampler(Processes(), seed=3), lambda: RandomSampler(Processes())]


@pytest.mark.parametrize('sampler', SAMPLERS, ids=['sampler with a seed', 'sampler that draws'])
def test_workers_are_kept_and_make_no_difference(sampler, monkeypatch):
    monkeypatch.setattr(kept_workers, '_HARMLESS', ('mmbackbones', 'mmengine', 'tests'))
    indices, processes = train(Seen(), sampler())
    assert processes[0] == processes[1] == processes[2]
    assert len({str(indices[epoch : epoch + 3]) for epoch in (0, 3, 6)}) == 3
    assert train(Seen(), sampler(), workers=0)[0] == indices
    assert train(Seen(), sampler(), workers=0, begin=4)[0] == indices[4:]
    assert train(Seen(stop_after=2), sampler())[0] == indices[:6]
    monkeypatch.setattr(epoch_loop, 'may_keep_workers', lambda _: False)
    again, processes = train(Seen(), sampler())
    assert again == indices
    assert processes[0].isdisjoint(processes[1])


def test_workers_are_started_anew_where_the_data_may_change():
    ours = [BadDataHook(), ReseedHook(0), DetVisualizationHook.__new__(DetVisualizationHook)]
    assert may_keep_workers(runner_of(ours))
    assert not may_keep_workers(runner_of([*ours, PipelineSwitchHook(2, [])]))
    assert not may_keep_workers(runner_of([Seen()]))  # of some other package
