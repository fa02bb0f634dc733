import pytest
from mmengine.config import ConfigDict

from mmbackbones import get_config
from mmbackbones.engine.schedule import fit_schedulers, set_length
from mmbackbones.errors import UserError

COCO_EPOCH = 7330  # iterations at batch 16
WARM_UP = dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500)
STEPS = dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1)
ONE_X = dict(type='EpochBasedTrainLoop', max_epochs=12)


def fit(new, epoch_length, schedulers=(WARM_UP, STEPS), old=ONE_X):
    return fit_schedulers([ConfigDict(s) for s in schedulers], old, new, epoch_length)


def test_the_recipe_itself_keeps_its_times():
    warm_up, steps = fit(ONE_X, COCO_EPOCH)
    assert warm_up['end'] == 500
    assert steps['milestones'] == [8 * COCO_EPOCH, 11 * COCO_EPOCH]
    assert steps['end'] == 12 * COCO_EPOCH
    assert not steps['by_epoch']
    assert steps['gamma'] == 0.1


def test_twice_the_epochs_stretch_warm_up_and_decay():
    warm_up, steps = fit(dict(max_epochs=24), COCO_EPOCH)
    assert warm_up['end'] == 1000
    assert steps['milestones'] == [16 * COCO_EPOCH, 22 * COCO_EPOCH]


def test_one_epoch_of_a_small_set_still_decays():
    warm_up, steps = fit(dict(max_epochs=1), 120)
    assert warm_up['end'] == 12  # a tenth of the training, not 42 of 120
    assert steps['milestones'] == [80, 110]


def test_iterations_in_place_of_epochs():
    warm_up, steps = fit(dict(max_iters=1200), 50)
    assert warm_up['end'] == 120
    assert steps['milestones'] == [800, 1100]


def test_a_recipe_in_iterations():
    poly = dict(type='PolyLR', by_epoch=False, begin=1500, end=160000, power=1.0, eta_min=0.0)
    start = dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500)
    start, poly = fit(dict(max_epochs=8), 1000, (start, poly), dict(max_iters=160000))
    assert (start['end'], poly['begin'], poly['end']) == (75, 75, 8000)


def test_a_warm_up_too_short_to_rise_is_left_out():
    assert [s['type'] for s in fit(dict(max_iters=6), 3)] == ['MultiStepLR']


def test_schedulers_without_an_end_keep_none():
    constant = dict(type='ConstantLR', by_epoch=True, factor=0.5)
    assert 'end' not in fit(dict(max_epochs=3), 10, (constant, ))[0]


def test_a_scheduler_without_a_length_is_refused():
    with pytest.raises(UserError, match='ExponentialLR'):
        fit(dict(max_epochs=3), 10, (dict(type='ExponentialLR', gamma=0.9), ))


def test_a_length_in_epochs_keeps_every_epochs_checkpoint():
    cfg = get_config('retinanet_van_t_demo')
    set_length(cfg, 3, None)
    assert (cfg.train_cfg.max_epochs, cfg.default_hooks.checkpoint.interval) == (3, 1)


def test_a_length_in_iterations_counts_everything_in_iterations():
    cfg = get_config('retinanet_van_t')
    set_length(cfg, None, 100)
    assert cfg.train_cfg == dict(type='IterBasedTrainLoop', max_iters=100, val_interval=25)
    assert (cfg.default_hooks.checkpoint.interval, cfg.default_hooks.checkpoint.by_epoch) == (25, False)
    assert cfg.train_dataloader.sampler.type == 'InfiniteSampler'
    assert not cfg.log_processor.by_epoch
