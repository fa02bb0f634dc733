"""Random draws depend on the seed and the position in a training run alone."""

import random
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from mmengine.config import Config

from mmbackbones import get_config
from mmbackbones.engine.seeding import ReseedHook, depend_on_seed_only, seed_all

pytestmark = pytest.mark.slow


def draw() -> tuple[float, float, float]:
    return random.random(), float(np.random.rand()), float(torch.rand(()))


def seeded(*seed_and_position: int) -> tuple[float, float, float]:
    seed_all(*seed_and_position)
    return draw()


def test_every_generator_is_a_function_of_seed_and_position():
    first = seeded(0, 1, 2)
    draw()
    assert seeded(0, 1, 2) == first
    for other in (seeded(1, 1, 2), seeded(0, 2, 2), seeded(0, 1, 3), seeded(0, 1)):
        assert all(one != another for one, another in zip(first, other, strict=True))


def runner_at(epoch: int = 0, iteration: int = 0, **train_cfg) -> SimpleNamespace:
    return SimpleNamespace(epoch=epoch, iter=iteration, cfg=Config(dict(train_cfg=train_cfg)))


def drawn_in_epoch(seed: int, epoch: int) -> tuple[float, float, float]:
    ReseedHook(seed).before_train_epoch(runner_at(epoch, max_epochs=5))
    return draw()


def test_an_epoch_draws_by_seed_and_number():
    assert drawn_in_epoch(0, 3) == drawn_in_epoch(0, 3)
    assert len({drawn_in_epoch(seed, epoch) for seed in (0, 1) for epoch in (0, 1, 2)}) == 6


def test_processes_draw_differently(monkeypatch):
    first = drawn_in_epoch(0, 0)
    monkeypatch.setattr('mmbackbones.engine.seeding.get_rank', lambda: 1)
    assert drawn_in_epoch(0, 0) != first


@pytest.mark.parametrize('train_cfg', [dict(max_iters=9), dict(max_epochs=9)])
def test_iterations_are_seeded(train_cfg):
    draws = []
    for iteration in (4, 4, 5):
        seed_all(0)
        ReseedHook(7).before_train_iter(runner_at(0, iteration, **train_cfg), 0)
        draws.append(draw())
    assert draws[0] == draws[1] != draws[2]


@pytest.mark.parametrize(
    ('train_cfg', 'loop'),
    [
        (dict(type='IterBasedTrainLoop', max_iters=9), 'PositionedTrainLoop'),
        (dict(by_epoch=False, max_iters=9), 'PositionedTrainLoop'),
        (dict(type='EpochBasedTrainLoop', max_epochs=9), 'PositionedEpochLoop'),
        (dict(max_epochs=9), 'PositionedEpochLoop'),
        (dict(type='LoopOfAnother', max_epochs=9), 'LoopOfAnother'),
    ],
)
def test_config_that_depends_on_its_seed_only(train_cfg, loop):
    cfg = get_config('retinanet_van_t')
    cfg.train_cfg, cfg.randomness = train_cfg, dict(deterministic=True)
    cfg.custom_hooks = [dict(type='ReseedHook', seed=1), dict(type='EMAHook')]  # of an earlier training run
    cfg.train_dataloader.worker_init_fn = dict(type='keep_loader_seed')  # as well, of version 1
    depend_on_seed_only(cfg, 3)
    assert cfg.randomness == dict(deterministic=True, seed=3)
    assert cfg.custom_hooks == [dict(type='EMAHook'), dict(type='ReseedHook', seed=3)]
    assert not cfg.train_dataloader.persistent_workers
    assert 'worker_init_fn' not in cfg.train_dataloader
    assert cfg.train_cfg.type == loop
    assert 'by_epoch' not in cfg.train_cfg
