"""Rehearsals of runs, and the checks that they are made of."""

from copy import deepcopy

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import EMAHook
from mmengine.registry import DATA_SAMPLERS, HOOKS, MODELS, OPTIMIZERS, TRANSFORMS, DefaultScope

from mmbackbones.engine.config_types import check_arguments, check_option_type, find_class, registry_of
from mmbackbones.engine.loader_checks import check_loader, require_loaders
from mmbackbones.engine.model_checks import check_class_weights, check_single_images
from mmbackbones.engine.rehearsal import build_model, rehearse, rehearse_test
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture
def cfg(tiny_config) -> Config:
    cfg = Config.fromfile(tiny_config)
    cfg.train_dataloader.persistent_workers = False
    return cfg


class TestRehearse:
    def test_model_and_optimizer(self, cfg):
        model, wrapper = rehearse(cfg, deepcopy(cfg.train_cfg), {})
        params = [param for group in wrapper.optimizer.param_groups for param in group['params']]
        assert len(params) == len(list(model.parameters()))
        assert model.bbox_head.num_classes == cfg.model.bbox_head.num_classes

    @pytest.mark.parametrize(
        ('key', 'value', 'message'),
        [
            ('model.neck.type', 'Foo', 'model cannot be built: Foo is not in'),
            ('optim_wrapper.optimizer.lrr', 1, 'optim_wrapper cannot be built: .*lrr'),
            ('train_cfg.val_interval', 0, 'train_cfg cannot be built: val_interval must be .* at least 1, got 0'),
            ('default_hooks.checkpoint.every', 3, 'default_hooks.checkpoint cannot be built: .*every'),
            ('custom_hooks', [dict(type='Foo')], 'custom_hooks.0 cannot be built: Foo is not in'),
            ('test_evaluator.type', 'Foo', 'test_evaluator cannot be built: Foo is not in'),
            ('val_dataloader.dataset.type', 'Foo', 'val_dataloader.dataset cannot be built: Foo is not in'),
        ],
    )
    def test_what_cannot_be_built_is_named(self, key, value, message, cfg):
        recipe = deepcopy(cfg.train_cfg)
        cfg.merge_from_dict({key: value})
        with pytest.raises(UserError, match=f'^{message}'):
            rehearse(cfg, recipe, {})

    def test_of_a_test(self, cfg):
        cfg.train_cfg = cfg.optim_wrapper = None  # of no interest to it
        rehearse_test(cfg, {})
        cfg.test_cfg.type = 'Foo'
        with pytest.raises(UserError, match='^test_cfg cannot be built: Foo is not in the loop registry$'):
            rehearse_test(cfg, {})


def test_a_model_of_another_number_of_classes(cfg):
    before = cfg.model.bbox_head.num_classes
    model, wrapper = build_model(cfg, 7)
    assert model.bbox_head.num_classes == 7
    params = [param for group in wrapper.optimizer.param_groups for param in group['params']]
    assert len(params) == len(list(model.parameters()))
    assert cfg.model.bbox_head.num_classes == before


class TestConfigTypes:
    @pytest.mark.parametrize(
        ('key', 'registry'),
        [
            ('model.backbone', MODELS),
            ('optim_wrapper.optimizer', OPTIMIZERS),
            ('custom_hooks.0', HOOKS),
            ('train_dataloader.dataset.pipeline.0', TRANSFORMS),
        ],
    )
    def test_registries(self, key, registry):
        assert registry_of(key) is registry

    def test_classes(self):
        assert find_class('EMAHook', HOOKS) is EMAHook
        assert find_class(EMAHook, HOOKS) is EMAHook
        with pytest.raises(KeyError, match='Foo is not in the hook registry'):
            find_class('Foo', HOOKS)

    def test_arguments(self):
        assert check_arguments(dict(type='EMAHook', begin_iter=3), HOOKS) is EMAHook
        check_arguments(
            dict(type='DefaultSampler', shuffle=True, _scope_='mmengine'), DATA_SAMPLERS
        )  # without a data set
        with pytest.raises(TypeError, match='every'):
            check_arguments(dict(type='IterTimerHook', every=3), HOOKS)
        with pytest.raises(KeyError, match='Foo is not in'):
            check_arguments(dict(type='Foo'), HOOKS)

    def test_types_of_options(self):
        cfg = Config(dict(default_hooks=dict(checkpoint=dict(type='CheckpointHook', by_epoch='x'))))
        check_option_type(cfg, 'default_hooks.checkpoint.by_epoch', True)
        check_option_type(cfg, 'default_hooks.checkpoint.out_dir', 'x')
        check_option_type(cfg, 'default_hooks.none.by_epoch', 'x')
        with pytest.raises(UserError, match='by_epoch of CheckpointHook takes true or false$'):
            check_option_type(cfg, 'default_hooks.checkpoint.by_epoch', 'x')


class TestLoaders:
    @pytest.fixture(autouse=True)
    def scope(self):
        with DefaultScope.overwrite_default_scope('mmdet'):
            yield

    @pytest.mark.parametrize(
        ('changes', 'message'),
        [
            (dict(num_workers=-1), 'train_dataloader cannot be built: num_workers option should be non-negative'),
            (dict(batch=3), "train_dataloader cannot be built: .*'batch'"),
            (dict(sampler=dict(type='Foo')), 'train_dataloader cannot be built: Foo is not in'),
            (dict(dataset=None), 'train_dataloader.dataset cannot be built: must be a dict, got None'),
            (dict(dataset=dict(type='CocoDataset', pipeline=5)), "train_dataloader.dataset cannot be built: 'int' "),
            (
                dict(dataset=dict(type='CocoDataset', pipeline=[dict(type='Foo')])),
                'train_dataloader.dataset.pipeline.0 cannot be built: Foo is not in',
            ),
        ],
    )
    def test_what_cannot_be_built_is_named(self, changes, message, cfg):
        check_loader(cfg, 'train_dataloader', {})
        for key, value in changes.items():
            cfg.train_dataloader[key] = value
        with pytest.raises(UserError, match=f'^{message}'):
            check_loader(cfg, 'train_dataloader', {})

    def test_all_are_needed_for_data_of_a_user(self, cfg):
        require_loaders(cfg)
        cfg.val_dataloader = None
        check_loader(cfg, 'val_dataloader', {})
        with pytest.raises(UserError, match='^val_dataloader is None in the config: --data needs a loader there$'):
            require_loaders(cfg)


class TestModel:
    @pytest.mark.parametrize(
        ('scope', 'loss', 'wanted'),
        [
            ('mmseg', dict(class_weight=[1.0] * 3), '3 classes: give 3'),
            ('mmdet', dict(class_weight=[1.0] * 4), '3 classes and the background: give 4'),
            ('mmdet', dict(class_weight=[1.0] * 3, use_sigmoid=True), '3 classes: give 3'),
        ],
    )
    def test_class_weights(self, scope, loss, wanted):
        model = dict(head=dict(num_classes=3, loss_cls=loss))
        check_class_weights(Config(dict(default_scope=scope, model=model)))
        loss['class_weight'].append(1.0)
        given = len(loss['class_weight'])
        with pytest.raises(UserError, match=f'^class_weight of loss_cls has {given} values?, but .* {wanted} values?$'):
            check_class_weights(Config(dict(default_scope=scope, model=model)))

    @pytest.mark.parametrize(
        ('batch_size', 'size', 'drops_last'), [(2, (32, 32), True), (2, (64, 64), False), (2, None, False)]
    )
    def test_a_single_image_at_the_end(self, batch_size, size, drops_last):
        cfg = loader_config(batch_size, size)
        check_single_images(cfg, Norm())
        assert cfg.train_dataloader.get('drop_last', False) == drops_last

    def test_single_images_only(self):
        check_single_images(loader_config(1, (64, 64)), Norm())
        with pytest.raises(UserError, match='^a batch of 1 image of 32x32 pixels is too small: .* --batch-size'):
            check_single_images(loader_config(1, (32, 32)), Norm())


def loader_config(batch_size: int, size: tuple[int, int] | None) -> Config:
    steps = [dict(type='Resize', scale=size)] if size else []
    return Config(dict(train_dataloader=dict(batch_size=batch_size, dataset=dict(pipeline=steps))))


class Norm(torch.nn.Module):
    """A batch norm over a map of one value per channel, for an image of 32x32 pixels."""

    def __init__(self):
        super().__init__()
        self.norm = torch.nn.BatchNorm2d(3)

    def forward(self, images, mode):
        return self.norm(torch.nn.functional.avg_pool2d(images, 32))
