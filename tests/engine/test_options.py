"""``--cfg-options`` override every other option, and mistakes in them are one sentence before anything starts."""

import re
from copy import deepcopy

import pytest
from mmengine.config import Config

from mmbackbones import config_path, get_config
from mmbackbones.apis import train
from mmbackbones.engine.amp import fit_amp
from mmbackbones.engine.config_tree import value_at
from mmbackbones.engine.options import flatten, format_options, merge, merge_again, options_in, resolve_arguments
from mmbackbones.engine.rehearsal import rehearse
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def flat(tiny_config, tmp_path_factory):
    """The tiny config in one file, with schedulers of 12 epochs."""
    path = tmp_path_factory.mktemp('config') / 'tiny.py'
    cfg = Config.fromfile(tiny_config)
    cfg.train_cfg.max_epochs, cfg.auto_scale_lr.base_batch_size = 12, 16
    cfg.param_scheduler = [
        dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500),
        dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1),
    ]
    cfg.dump(path)
    return str(path)


class Stop(Exception):
    """Ends a training run where training would start."""


@pytest.fixture
def final(flat, shapes, tmp_path, monkeypatch):
    """Returns the config that would be run."""

    def stop(self):
        raise Stop(self.cfg)

    monkeypatch.setattr('mmengine.runner.Runner.train', stop)

    def run(options, **asked):
        with pytest.raises(Stop) as error:
            train(flat, data=str(shapes), work_dir=str(tmp_path / 'run'), cfg_options=options, **asked)
        return error.value.args[0]

    return run


@pytest.mark.parametrize(
    ('asked', 'options', 'others'),
    [
        (
            dict(iters=100),
            {'default_hooks.checkpoint.interval': 10, 'train_cfg.val_interval': 20},
            {'train_cfg.max_iters': 100},
        ),
        (dict(iters=100), {'train_cfg.max_iters': 40}, {'train_cfg.val_interval': 10}),
        (
            dict(iters=100),
            {'train_cfg.max_epochs': 6},
            {'train_cfg.max_iters': None, 'param_scheduler.1.milestones': [16, 22]},
        ),
        (dict(epochs=3), {'train_cfg.max_epochs': 6}, {'param_scheduler.1.milestones': [16, 22]}),
        (dict(epochs=6), {'param_scheduler.1.milestones': [1, 2]}, {'param_scheduler.1.end': 24}),
        (dict(batch_size=4), {'train_dataloader.batch_size': 8}, {'auto_scale_lr.enable': True}),
        (dict(accumulate=2), {'optim_wrapper.accumulative_counts': 4}, {'auto_scale_lr.base_batch_size': 4}),
        (dict(lr=1e-3), {'optim_wrapper.optimizer.lr': 1e-4}, {'auto_scale_lr.enable': False}),
        (dict(seed=3), {'randomness.seed': 4, 'randomness.diff_rank_seed': True}, {}),
        (
            dict(img_scale=(64, 64)),
            {'train_dataloader.dataset.pipeline.2.scale': (96, 96)},
            {'val_dataloader.dataset.pipeline.1.scale': (64, 64)},
        ),
        (dict(), {'train_dataloader.dataset.filter_cfg.min_size': 7}, {}),
    ],
)
def test_override_and_what_is_derived_from_it(asked, options, others, final):
    cfg = final(options, **asked)
    for key, value in {**options, **others}.items():
        if key == 'param_scheduler.1.milestones' and key in options:
            value = [4 * epoch for epoch in value]  # of 4 batches
        assert value_at(cfg, key) == value, key
    assert {hook['seed'] for hook in cfg.custom_hooks if hook['type'] == 'ReseedHook'} == {cfg.randomness.seed}


@pytest.mark.parametrize(
    ('key', 'value', 'wanted'),
    [
        ('train_dataloader.dataset.pipeline.2.scale', [96, 96], (96, 96)),
        ('train_dataloader.dataset.pipeline.3.prob', 0, 0.0),
        ('custom_hooks', [dict(type='EmptyCacheHook')], [dict(type='EmptyCacheHook')]),
        ('model.neck.norm_cfg', dict(type='BN'), dict(type='BN')),
        ('auto_scale_lr', None, None),
        ('visualizer.vis_backends', [dict(type='LocalVisBackend')], [dict(type='LocalVisBackend')]),
    ],
)
def test_value_that_fits(key, value, wanted, final):
    found = value_at(final({key: value}), key)
    if key == 'custom_hooks':
        found = [hook for hook in found if hook['type'] == 'EmptyCacheHook']
    assert (found, type(found[0]) if isinstance(wanted, tuple) else type(found)) == (
        wanted,
        int if isinstance(wanted, tuple) else type(found),
    )


def test_scales_of_any_form_follow_the_img_scale(final):
    for scale in ([128, 128], 128):
        cfg = final({'val_dataloader.dataset.pipeline.1.scale': scale}, img_scale=(64, 64))
        assert value_at(cfg, 'train_dataloader.dataset.pipeline.2.scale') == (64, 64)


@pytest.mark.parametrize(
    ('option', 'problem'),
    [
        ('model.neck.num_outs=4', 'AssertionError'),
        ('model.neck.out_channels=32', 'Given groups=1, .*'),
    ],
)
def test_mistake_found_in_the_first_iteration(option, problem, tool, flat, shapes, tmp_path):
    code, _, err = tool(
        'train', flat, '--data', shapes, '--work-dir', tmp_path / 'run', '--from-scratch', '--cfg-options', option
    )
    assert code == 2, err
    assert re.fullmatch(
        f'error: the first iteration of this config fails: {problem}; --cfg-options {option}', err.splitlines()[-1]
    )


def test_determinism_is_kept(final, monkeypatch):
    asked = []
    monkeypatch.setattr('torch.use_deterministic_algorithms', asked.append)
    final({'randomness.deterministic': True}, epochs=1)
    assert asked == [True]


def test_nested_options_are_the_same(final):
    assert flatten({'a': {'b': 1, 'c': {'d': 2}}, 'e.f': 3}) == {'a.b': 1, 'a.c.d': 2, 'e.f': 3}
    assert final({'train_cfg': {'max_epochs': 5}}, epochs=2).train_cfg.max_epochs == 5


WRONG = {
    'optim_wrapper.optimizer.lrr=1': "optim_wrapper cannot be built: .*'lrr'; --cfg-options optim_wrapper.opt.*lrr=1",
    'optimizer.lrr=1': "'optimizer' is not an entry of it; did you mean optim_wrapper.optimizer.lrr",
    'modle.backbone.arch=foo': 'did you mean model.backbone.arch',
    'train_pipeline.1.type=Nothing': 'only a variable of the file, and nothing reads it',
    'model.backbone.arch=foo': 'model cannot be built: .*foo.*; --cfg-options model.backbone.arch=foo',
    'model.backbone.type=Foo': 'model cannot be built: Foo is not in the .*registry',
    'model.neck.norm_cfg=BN': 'model cannot be built: AssertionError; --cfg-options model.neck.norm_cfg=BN',
    'custom_hooks.0.type=EMAHook': 'custom_hooks is an empty list; a whole list is given as custom_hooks=',
    'model.backbon.arch=tiny': "model cannot be built: .*'backbon'",
    'model.bbox_head.loss_cls.gamma=x': 'gamma of FocalLoss takes a number|takes a number',
    'train_dataloader.num_workers=x': 'takes a number, as 1 is',
    'train_dataloader.num_workers=-1': 'train_dataloader cannot be built: num_workers',
    'train_dataloader.batch_size=0': 'at least 1',
    'train_dataloader.batch=3': "train_dataloader cannot be built: .*'batch'",
    'train_dataloader.sampler.type=Foo': 'train_dataloader cannot be built: Foo is not in',
    'train_dataloader.sampler.type=InfiniteSampler': 'which has no epochs, and the run is counted in epochs: use',
    'train_dataloader.dataset.type=Foo': 'train_dataloader.dataset cannot be built: Foo is not in',
    'train_dataloader.dataset.pipeline.1.type=Foo': 'dataset.pipeline.1 cannot be built: Foo is not in',
    'train_dataloader.dataset.pipeline.9.type=Resize': 'is a list, whose . entries are named 0 to',
    'train_dataloader.dataset.pipeline.first.type=Resize': 'is a list, whose',
    'default_hooks.checkpoint.interval=abc': 'takes a number, as 1 is',
    'default_hooks.checkpoint.interval=0': 'default_hooks.checkpoint cannot be built: interval must be a whole number',
    'default_hooks.checkpoint.by_epoch=abc': 'by_epoch of .*CheckpointHook takes true or false',
    'default_hooks.checkpoint.save_begin=-1': 'default_hooks.checkpoint cannot be built: save_begin',
    'default_hooks.checkpoint.every=3': "default_hooks.checkpoint cannot be built: .*'every'",
    'default_hooks.checkpont.interval=3': 'default_hooks.checkpont cannot be built',
    'default_hooks.logger.type=Foo': 'default_hooks.logger cannot be built: Foo is not in',
    'train_cfg.max_epochs=abc': 'at least 1|takes a number',
    'train_cfg.max_epochs.x=1': 'train_cfg.max_epochs is 12, which has no entries',
    'train_cfg.val_interval=0': 'val_interval must be a whole number of at least 1, got 0',
    'train_cfg.type=Foo': 'train_cfg cannot be built: Foo is not in',
    'param_scheduler.0.type=Foo': 'param_scheduler cannot be built: Foo is not in',
    'param_scheduler.1.gamma=x': 'takes a number',
    'param_scheduler.1.type=ReduceOnPlateauLR': 'has no length that could be fitted',
    'randomness.seed=x': 'randomness.seed=x: must be a whole number of at least 0',
    'randomness.deterministic=x': 'randomness.deterministic=x: must be true or false',
    'train_dataloader.dataset.pipeline=5': 'train_dataloader.dataset.pipeline takes a list of dicts, written',
    'val_dataloader=None': 'val_dataloader is None in the config: --data needs a loader there',
    'randomness=5': 'does not fit the config: randomness takes a dict',
    'default_scope=5': 'does not fit the config: default_scope takes a string',
    'launcher=x': 'launcher=x: must be none, pytorch, slurm, mpi',
    'val_evaluator.type=Foo': 'val_evaluator cannot be built: Foo is not in',
    'visualizer.type=Foo': 'visualizer cannot be built: Foo is not in',
    'log_processor.windowsize=3': "log_processor cannot be built: .*'windowsize'",
    'env_cfg.foo=1': 'does not fit the config: env_cfg has no key .foo.; it takes cudnn_benchmark, mp_cfg, dist_cfg',
    'optim_wrapper.paramwise_cfg.foo=1': 'optim_wrapper.paramwise_cfg has no key .foo.; it takes custom_keys, bias_lr',
    'train_dataloader.dataset=None': 'train_dataloader.dataset takes a dict',
    'model.neck=FPN': 'model.neck takes a dict, written dict',
    'param_scheduler=5': 'param_scheduler takes a list of dicts',
    'model.bbox_head.num_classes=7': 'num_classes=7: the data has 4 classes',
}


@pytest.mark.parametrize('option', WRONG)
def test_mistake_is_one_sentence(option, tool, flat, shapes, tmp_path, monkeypatch):
    if option != 'model.bbox_head.num_classes=7':  # the classes are known with the data only
        monkeypatch.setattr(
            'mmbackbones.engine.dataset_config.load_detection', lambda *_, **__: pytest.fail('data is checked')
        )
    code, _, err = tool('train', flat, '--data', shapes, '--work-dir', tmp_path / 'run', '--cfg-options', option)
    assert code == 2, err
    assert 'Traceback' not in err
    assert re.search(WRONG[option], err.splitlines()[-1]), err
    assert len([line for line in err.splitlines() if 'Warning' not in line and line[:1] != ' ']) == 1


@pytest.mark.parametrize(
    ('option', 'message'),
    [
        ('model.backbone.type=Foo', 'model cannot be built: Foo is not in'),
        ('test_evaluator.metrics=x', 'test_evaluator.metrics is not an option of CocoMetric'),
        (
            'test_dataloader.dataset.pipeline.0.type=Foo',
            'test_dataloader.dataset.pipeline.0 cannot be built: Foo is not',
        ),
        ('test_dataloader.batch_size=x', 'takes a number'),
    ],
)
def test_mistake_in_options_of_a_test(option, message, tool, flat, shapes, tmp_path):
    code, _, err = tool(
        'test', flat, 'none.pth', '--data', shapes, '--work-dir', tmp_path / 'run', '--cfg-options', option
    )
    assert code == 2, err
    assert re.search(message, err.splitlines()[-1]), err


def test_unread_name_hints_at_the_entry_that_is_read(tool, tmp_path):
    for option, place in (
        ('data_preprocessor.size=(64,64)', 'model.data_preprocessor.size'),
        ('optimizer.lr=1.0', 'optim_wrapper.optimizer.lr'),
        ('train_pipeline.0.type=Foo', 'train_dataloader.dataset.pipeline.0.type'),
    ):
        code, _, err = tool('train', config_path('upernet_van_t'), '--cfg-options', option)
        assert code == 2
        assert f'; did you mean {place}' in err.splitlines()[-1]


def test_unknown_hook(tool, flat, shapes, tmp_path):
    config = tmp_path / 'config.py'
    config.write_text(f"_base_ = {flat!r}\ncustom_hooks = [dict(type='NoSuchHook')]\n")
    code, _, err = tool('train', config, '--data', shapes, '--work-dir', tmp_path / 'run')
    assert code == 2
    assert err.splitlines()[-1] == 'error: custom_hooks.0 cannot be built: NoSuchHook is not in the hook registry'


def test_every_config_of_the_zoo_can_be_rehearsed(monkeypatch):
    """One of each kind: what is checked must be what the libraries take."""
    for name in ('retinanet_sasa_r26', 'cascade_mask_rcnn_van_b', 'upernet_van_t', 'semantic_fpn_hatnet_t'):
        cfg = get_config(name)
        fit_amp(cfg)
        cfg.train_dataloader.persistent_workers = False
        model, wrapper = rehearse(cfg, deepcopy(cfg.train_cfg), {})
        assert type(model.backbone).__name__ == cfg.model.backbone.type.split('.')[-1]
        optimized = {param for group in wrapper.optimizer.param_groups for param in group['params']}
        assert {param for param in model.parameters() if param.requires_grad} <= optimized


ASKED = dict.fromkeys(('epochs', 'iters', 'batch_size', 'lr', 'weights', 'resume', 'seed'))
ASKED |= dict(accumulate=1, amp=False, from_scratch=False, launcher='none', time_budget=None)


@pytest.mark.parametrize(
    ('asked', 'options', 'changed'),
    [
        ({}, {}, {}),
        (dict(epochs=3), {'train_cfg.max_epochs': 6}, dict(epochs=6)),
        (dict(epochs=3), {'train_cfg.max_iters': 6}, dict(epochs=None, iters=6)),
        (dict(time_budget=2.0), {'train_cfg.max_iters': 6}, dict(time_budget=None, iters=6)),
        (dict(batch_size='auto'), {'train_dataloader.batch_size': 3}, dict(batch_size=3)),
        (dict(lr=1.0), {'optim_wrapper.optimizer.lr': 2.0}, dict(lr=2.0)),
        ({}, {'optim_wrapper.optimizer.lr': 2.0}, {}),  # to be scaled, as a config's own
        ({}, {'optim_wrapper.type': 'AmpOptimWrapper'}, dict(amp=True)),
        (dict(amp=True), {'optim_wrapper.type': 'OptimWrapper'}, dict(amp=False)),
        ({}, {'randomness.seed': 3, 'launcher': 'slurm'}, dict(seed=3, launcher='slurm')),
        ({}, {'resume': True}, dict(resume='auto')),
        ({}, {'resume': True, 'load_from': 'a.pth'}, dict(resume='a.pth')),
        (dict(from_scratch=True), {'load_from': 'a.pth'}, dict(weights='a.pth', from_scratch=False)),
        (dict(resume='auto'), {'load_from': 'a.pth'}, dict(resume='a.pth')),
        (dict(weights='a.pth'), {'model.backbone.init_cfg': None}, dict(weights=None)),
    ],
)
def test_options_that_stand_for_arguments(asked, options, changed):
    given = {**ASKED, **asked}
    assert resolve_arguments(given, options) == {**given, **changed}
    assert given == {**ASKED, **asked}


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        ({'train_cfg.max_epochs': 1, 'train_cfg.max_iters': 1}, 'a training run has one length'),
        ({'train_dataloader.batch_size': 0}, 'batch_size=0: must be a whole number of at least 1'),
        ({'optim_wrapper.accumulative_counts': True}, 'accumulative_counts=True: must be a whole number'),
        ({'randomness.seed': -1}, 'randomness.seed=-1: must be a whole number of at least 0'),
        ({'randomness.deterministic': 1}, 'randomness.deterministic=1: must be true or false'),
        ({'launcher': 'ssh'}, 'launcher=ssh: must be none, pytorch, slurm, mpi'),
        ({'load_from': 5}, 'load_from=5: must be a file, a URL or a short name'),
    ],
)
def test_options_that_no_argument_takes(options, message):
    with pytest.raises(UserError, match=message):
        resolve_arguments(ASKED, options)


def test_options_of_sections():
    options = {'model.neck': 1, 'model': 2, 'modeling.x': 3, 'train_cfg.max_iters': 4}
    assert options_in(options, 'model') == {'model.neck': 1, 'model': 2}
    assert options_in(options, 'train_cfg', 'modeling') == {'modeling.x': 3, 'train_cfg.max_iters': 4}
    assert format_options(options_in(options, 'model').items()) == 'model.neck=1 model=2'


def test_merging_again_deletes_nothing():
    cfg = Config(dict(model=dict(neck=dict(type='FPN', num_outs=5)), train_cfg=dict(max_epochs=12)))
    options = {'model.neck.type': 'Other', 'model.neck._delete_': True, 'train_cfg.max_epochs': 3}
    merge(cfg, options)
    assert cfg.model.neck == dict(type='Other')
    cfg.model.neck, cfg.train_cfg.max_epochs = dict(type='FPN', kept=1), 12
    merge_again(cfg, options)
    assert cfg.model.neck == dict(type='Other', kept=1)
    assert cfg.train_cfg.max_epochs == 3
