"""What does not go together with sharded weights; trainings with them are in test_distributed.py."""

import pytest
from mmengine.config import Config

from mmbackbones.engine.processes import sharding
from mmbackbones.errors import UserError


@pytest.fixture
def distributed(monkeypatch):
    monkeypatch.setattr(sharding, 'is_distributed', lambda: True)


def make_config(kind: str = sharding.WRAPPER, **parts) -> Config:
    base = dict(model_wrapper_cfg=dict(type=kind), optim_wrapper=dict(type='OptimWrapper'), default_hooks={})
    return Config({**base, **parts})


@pytest.mark.parametrize(
    ('cfg', 'message'),
    [
        (make_config('MMFullyShardedDataParallel'), 'use model_wrapper_cfg.type=FullyShardedModel'),
        (make_config(optim_wrapper=dict(type='AmpOptimWrapper')), 'does not go together with --amp'),
        (make_config(custom_hooks=[dict(type='FiniteLossHook', skip=3)]), 'does not go together with --on-nan skip'),
        (make_config(custom_hooks=[dict(type='EMAHook')]), 'does not go together with --ema'),
        (make_config(custom_hooks=[dict(type='FiniteLossHook', skip=1)]), 'does not go together with --on-nan skip'),
        (make_config(model_wrapper_cfg=dict(type=sharding.WRAPPER, device_id=0)), 'device_id: .* takes no arguments'),
    ],
)
def test_what_is_refused(distributed, cfg, message):
    with pytest.raises(UserError, match=message):
        sharding.set_sharding(cfg)


def test_the_batch_size_is_given(distributed):
    with pytest.raises(UserError, match='does not go together with --batch-size auto'):
        sharding.set_sharding(make_config(), 'auto')


def test_before_pytorch_2_6(distributed, monkeypatch):
    monkeypatch.setattr(sharding, 'fully_shard', None)
    with pytest.raises(UserError, match=r'FullyShardedModel needs PyTorch 2\.6'):
        sharding.set_sharding(make_config())


def test_several_processes_get_the_hook_once_and_a_single_one_does_not(monkeypatch):
    cfg = make_config()
    for processes in (2, 2, 1):
        monkeypatch.setattr(sharding, 'is_distributed', lambda several=processes > 1: several)
        sharding.set_sharding(cfg)
        assert cfg.custom_hooks == [dict(type='ShardsHook')] * (processes > 1)


def test_a_test_holds_whole_models():
    cfg = make_config()
    sharding.drop_sharding(cfg)
    assert 'model_wrapper_cfg' not in cfg
