"""Trials of training steps hold in memory what a run holds, and leave nothing."""

from copy import deepcopy

import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper
from mmengine.registry import MODELS, DefaultScope

from mmbackbones.datasets import load_detection
from mmbackbones.engine.dataset_config import use_dataset
from mmbackbones.engine.lean_runner import LeanRunner
from mmbackbones.engine.trials import training_steps
from mmbackbones.engine.trials.traces import no_traces
from mmbackbones.engine.trials.training_steps import take_steps
from mmbackbones.engine.trials.worst_batch import WorstBatch

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def configs(tiny_config, tiny_mask_config, shapes, tmp_path_factory) -> dict[str, Config]:
    found = load_detection(shapes, tmp_path_factory.mktemp('repaired'), masks=True)
    configs = dict(retinanet=Config.fromfile(tiny_config), mask_rcnn=Config.fromfile(tiny_mask_config))
    for cfg in configs.values():
        cfg.train_dataloader.persistent_workers = False
        use_dataset(cfg, found, False)
    return configs


@pytest.fixture
def seen(monkeypatch) -> list[dict]:
    """What is there before the backward pass of each step."""
    seen = []

    def update_params(self, loss, *args, **kwargs):
        params = [param for group in self.optimizer.param_groups for param in group['params']]
        seen.append(
            dict(
                loss=loss.item(),
                moments=len(self.optimizer.state) / len(params),
                gradients=sum(param.grad is not None for param in params) / len(params),
            )
        )
        update(self, loss, *args, **kwargs)

    update = OptimWrapper.update_params
    monkeypatch.setattr(OptimWrapper, 'update_params', update_params)
    return seen


def take(cfg: Config, size: int = 2) -> int:
    with DefaultScope.overwrite_default_scope('mmdet'), no_traces():
        batch = WorstBatch(LeanRunner.build_dataloader(cfg.train_dataloader, seed=0))
        take_steps(cfg, lambda: batch(size), batch.objects)
    return batch.objects


def test_what_is_in_memory(configs, seen):
    cfg = configs['retinanet'].copy()
    before = cfg.pretty_text
    take(cfg)
    assert [step['moments'] for step in seen] == [1, 1]
    assert seen[0]['gradients'] == 0
    assert seen[0]['loss'] > 0
    assert cfg.pretty_text == before
    seen.clear()
    cfg.optim_wrapper.accumulative_counts = 3
    take(cfg)
    assert [step['gradients'] for step in seen] == [1, 1]


def test_heads_of_regions_take_as_many_as_they_can(configs, seen, monkeypatch):
    cfg = deepcopy(configs['mask_rcnn'])
    sizes = []
    head = MODELS.get('mmdet.FCNMaskHead')

    def forward(self, regions):
        sizes.append(len(regions))
        return plain(self, regions)

    plain = head.forward
    monkeypatch.setattr(head, 'forward', forward)
    cfg.model.train_cfg.rcnn.sampler.update(num=64, pos_fraction=0.25)
    objects = take(cfg, 1)
    assert objects > 1
    assert sizes == [16] * 2
    sizes.clear()
    cfg.model.train_cfg.rcnn.sampler.num = 512
    take(cfg, 1)
    assert sizes == [min(16 * objects, 128)] * 2


def test_other_processes_are_not_asked(configs, seen, monkeypatch):
    """Averaged weights and copies of gradients are made, and nothing waits for other processes, which may not come."""
    initialized: list[bool] = []
    monkeypatch.setattr(training_steps, 'get_world_size', lambda: 2)
    made: list[str] = []
    monkeypatch.setattr(training_steps, 'deepcopy', lambda value: made.append(type(value).__name__) or deepcopy(value))
    cfg = deepcopy(configs['retinanet'])
    cfg.custom_hooks = [dict(type='EMAHook')]
    cfg.model.backbone.norm_cfg = dict(type='SyncBN')
    model = MODELS.get('mmdet.RetinaNet')
    plain = model.loss

    def loss(*args):
        initialized.append(torch.distributed.is_initialized())
        return plain(*args)

    monkeypatch.setattr(model, 'loss', loss)
    with DefaultScope.overwrite_default_scope('mmdet'), no_traces():
        batch = WorstBatch(LeanRunner.build_dataloader(cfg.train_dataloader, seed=0))
        monkeypatch.setattr('torch.distributed.is_initialized', lambda: True)
        take_steps(cfg, lambda: batch(2), batch.objects)
        monkeypatch.undo()
    assert initialized == [False, False]
    assert made == ['Config', 'RetinaNet']
