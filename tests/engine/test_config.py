import pytest
import torch
from mmengine.config import Config
from mmengine.optim import OptimWrapper, build_optim_wrapper

from mmbackbones import config_path, get_config
from mmbackbones.engine.config import (
    dicts_in,
    drop_amp,
    dump_config,
    load_config,
    set_amp,
    set_batch,
    set_img_scale,
    set_num_classes,
)
from mmbackbones.errors import UserError


@pytest.fixture
def cfg() -> Config:
    return get_config('retinanet_van_b')


def steps(cfg, loader, kind='Resize'):
    return [step for step in cfg[loader].dataset.pipeline if step.type == kind]


def test_every_head_gets_the_classes(cfg):
    cfg.model.roi_head = dict(bbox_head=[dict(num_classes=80), dict(num_classes=80)], mask_head=dict(num_classes=80))
    set_num_classes(cfg, 3)
    assert {node['num_classes'] for node in dicts_in(cfg.model) if 'num_classes' in node} == {3}


def test_img_scale_sets_every_pipeline_and_keeps_the_proportions_of_others(cfg):
    set_img_scale(cfg, 320, 240)
    for loader in ('train_dataloader', 'val_dataloader', 'test_dataloader'):
        assert [tuple(step.scale) for step in steps(cfg, loader)] == [(320, 240)]
    scales = [
        tuple(step.scale)
        for node in dicts_in(cfg.tta_pipeline)
        if node.get('type') == 'TestTimeAug'
        for step in node.transforms[0]
    ]
    assert scales == [(320, 240), (160, 120), (480, 360)]


def test_img_scale_below_the_backbones_stride(cfg):
    with pytest.raises(UserError, match='at least 32x32'):
        set_img_scale(cfg, 320, 16)


def rate(cfg):
    """The learning rate that MMEngine's auto_scale_lr comes to, on one device."""
    scale = cfg.auto_scale_lr
    factor = cfg.train_dataloader.batch_size / scale.base_batch_size if scale.enable else 1
    return pytest.approx(cfg.optim_wrapper.optimizer.lr * factor)


@pytest.mark.parametrize(
    ('batch_size', 'lr', 'accumulate', 'expected'),
    [
        (16, None, 1, 1e-4),
        (4, None, 1, 2.5e-5),
        (None, None, 1, 1.25e-5),  # the config's two images a device are one of eight devices'
        (4, 3e-4, 1, 3e-4),
        (4, None, 4, 1e-4),
        (4, 3e-4, 4, 3e-4),
    ],
)
def test_batch_size_scales_the_rate(cfg, batch_size, lr, accumulate, expected):
    set_batch(cfg, batch_size, lr, accumulate)
    assert rate(cfg) == expected
    assert cfg.optim_wrapper.accumulative_counts == accumulate
    assert cfg.train_dataloader.batch_size == (batch_size or 2)


def test_amp_where_the_device_can_not(cfg, monkeypatch):
    monkeypatch.setattr('mmbackbones.engine.config.get_device', lambda: 'cpu')
    with pytest.raises(UserError, match='--amp needs a GPU; this machine trains on the cpu'):
        set_amp(cfg)
    monkeypatch.setattr('mmbackbones.engine.config.get_device', lambda: 'cuda')
    set_amp(cfg)
    assert cfg.optim_wrapper.type == 'AmpOptimWrapper'
    assert cfg.optim_wrapper.loss_scale == 'dynamic'


def test_a_recipe_in_half_precision_runs_without_a_gpu_too(monkeypatch):
    recipe = dict(get_config('retinanet_dualvit_s').optim_wrapper)
    for device, amp in (('cuda', True), ('cpu', False), ('mps', False)):
        monkeypatch.setattr('mmbackbones.engine.config.get_device', lambda device=device: device)
        cfg = get_config('retinanet_dualvit_s')
        drop_amp(cfg)
        assert (cfg.optim_wrapper == recipe) == amp
    model = torch.nn.Linear(1, 1)  # MMEngine builds what is left for the CPU
    assert type(build_optim_wrapper(model, cfg.optim_wrapper)) is OptimWrapper


def test_amp_keeps_the_loss_scale_of_the_recipe(monkeypatch):
    monkeypatch.setattr('mmbackbones.engine.config.get_device', lambda: 'cuda')
    cfg = get_config('retinanet_dualvit_s')
    set_amp(cfg)
    assert cfg.optim_wrapper.loss_scale == 512


def test_config_that_is_not_there_or_broken(tmp_path):
    with pytest.raises(UserError, match='does not exist'):
        load_config(str(tmp_path / 'none.py'), None, None)
    (tmp_path / 'broken.py').write_text('model = dict(')
    with pytest.raises(UserError, match='cannot be read') as error:
        load_config(str(tmp_path / 'broken.py'), None, None)
    assert len(str(error.value).splitlines()) == 1
    with pytest.raises(UserError, match='cannot be read: File name too long'):
        load_config('x' * 300 + '.py', None, None)
    with pytest.raises(UserError, match='is not a file'):
        load_config(str(tmp_path), None, None)


def test_no_workers_persist_where_there_are_none():
    cfg = load_config(str(config_path('retinanet_van_t')), None, {'val_dataloader.num_workers': 0})
    assert not cfg.val_dataloader.persistent_workers  # PyTorch would refuse it
    assert cfg.test_dataloader.persistent_workers


def test_a_config_that_is_left_behind_reads_as_it_was(tmp_path, monkeypatch):
    monkeypatch.setenv('SECRET', 'filled in')
    names = ['{{ $SECRET:x }}', '{{ fileDirname }}', '{{{a}}}', "it's", 'back\\slash', '\x1b[31m', 'größe']
    dump_config(Config(dict(classes=names)), tmp_path / 'config.py')
    assert Config.fromfile(tmp_path / 'config.py').classes == names
