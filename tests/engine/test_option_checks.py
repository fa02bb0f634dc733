"""Options are checked before they are merged: names that nothing reads, and values of the wrong kind."""

import pytest

from mmbackbones import get_config
from mmbackbones.engine.option_checks import find_problem


@pytest.fixture(scope='module')
def configs():
    return {name: get_config(name) for name in ('retinanet_van_b', 'upernet_van_t')}


PARAMWISE = 'optim_wrapper.paramwise_cfg'


@pytest.mark.parametrize(
    ('options', 'problem'),
    [
        ({'env_cfg.mp_cfg.threads': 1}, "env_cfg.mp_cfg has no key 'threads'; it takes mp_start_method, opencv_num_"),
        ({'env_cfg.foo.bar': 1}, "env_cfg has no key 'foo'"),
        ({'env_cfg.dist_cfg': 'nccl'}, 'env_cfg.dist_cfg takes a dict'),
        ({'randomness.sed': 1}, "randomness has no key 'sed'; it takes seed, diff_rank_seed, deterministic"),
        ({'auto_scale_lr.batch_size': 1}, "auto_scale_lr has no key 'batch_size'; it takes enable, base_batch_size"),
        ({'optim_wrapper.clip_grad.max': 1}, "optim_wrapper.clip_grad has no key 'max'; it takes type, max_norm"),
        ({f'{PARAMWISE}.norm_decay': 0}, "paramwise_cfg has no key 'norm_decay'; it takes custom_keys, bias_lr_mult"),
        ({f'{PARAMWISE}.custom_keys.backbone.lr': 0}, "backbone has no key 'lr'; it takes lr_mult, decay_mult"),
        ({f'{PARAMWISE}.custom_keys.backbone.norm.lr_mult': 0}, "backbone has no key 'norm'"),
        ({'train_dataloader.dataset.filter_cfg.min': 1}, "filter_cfg has no key 'min'; it takes filter_empty_gt, min_"),
        ({'auto_scale_lr.base_batch_size': None}, 'auto_scale_lr.base_batch_size takes a number above 0'),
        ({'auto_scale_lr.base_batch_size': 0}, 'auto_scale_lr.base_batch_size takes a number above 0'),
        ({'auto_scale_lr.enable': None}, 'auto_scale_lr.enable takes true or false'),
        ({'auto_scale_lr': 7}, 'auto_scale_lr takes a dict'),
        ({'work_dir': 5}, 'work_dir takes a string'),
        ({'default_scope': 5}, 'default_scope takes a string'),
        ({'custom_hooks': [5]}, 'custom_hooks takes a list of dicts'),
        ({'custom_hooks': None}, 'custom_hooks takes a list of dicts'),
        ({'train_dataloader.dataset.pipeline': 'x'}, 'train_dataloader.dataset.pipeline takes a list of dicts'),
        ({'val_dataloader': 5}, 'val_dataloader takes a dict'),
        ({'model.neck': 'FPN'}, "model.neck takes a dict, written dict(type='A',b=1)"),
    ],
)
def test_problem_of_a_detectors_option(configs, options, problem):
    [key] = options
    assert problem in find_problem(configs['retinanet_van_b'], key, options)


@pytest.mark.parametrize(
    'options',
    [
        {'env_cfg.cudnn_benchmark': True},
        {'env_cfg.mp_cfg.opencv_num_threads': 1},
        {'optim_wrapper.clip_grad': None},
        {'optim_wrapper.clip_grad.error_if_nonfinite': True},
        {f'{PARAMWISE}.norm_decay_mult': 0.0},
        {f'{PARAMWISE}.custom_keys.backbone.lr_mult': 0.1},
        {f'{PARAMWISE}._delete_': True},
        {f'{PARAMWISE}.decay_rate': 0.9, 'optim_wrapper.constructor': 'LayerDecayOptimizerConstructor'},
        {f'{PARAMWISE}.bias_lr_mult': 2, 'optim_wrapper.constructor': 'mmengine.DefaultOptimWrapperConstructor'},
        {'train_dataloader.dataset.filter_cfg.min_size': 1},
        {'train_dataloader.dataset.filter_cfg.other': 1, 'train_dataloader.dataset.type': 'OtherDataset'},
        {'model.test_cfg.anything': 1},  # what a detector reads there depends on the detector
        {'model.neck': None},
        {'val_dataloader': None},
        {'env_cfg.dist_cfg': None},
        {'default_scope': None},
        {f'{PARAMWISE}.depth': 3, 'optim_wrapper.constructor': 'mypackage.DefaultOptimWrapperConstructor'},
        {'param_scheduler': None},
        {'custom_hooks': [dict(type='EMAHook')]},
    ],
)
def test_option_that_fits(configs, options):
    assert find_problem(configs['retinanet_van_b'], next(iter(options)), options) == ''


def test_keys_of_a_segmentors_test(configs):
    cfg = configs['upernet_van_t']
    assert find_problem(cfg, 'model.test_cfg.mode', {'model.test_cfg.mode': 'slide'}) == ''
    problem = find_problem(cfg, 'model.test_cfg.strides', {'model.test_cfg.strides': (64, 64)})
    assert problem == "model.test_cfg has no key 'strides'; it takes mode, crop_size, stride"


@pytest.mark.parametrize('kind', ['CascadeEncoderDecoder', 'mypackage.EncoderDecoder'])
def test_keys_that_other_segmentors_read(configs, kind):
    options = {'model.test_cfg.subdivision_steps': 2, 'model.type': kind}
    assert find_problem(configs['upernet_van_t'], 'model.test_cfg.subdivision_steps', options) == ''
