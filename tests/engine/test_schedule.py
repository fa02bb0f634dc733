"""Learning rates and their schedules fit the batch size and the length of training."""

import pytest
import torch
from mmengine.config import Config, ConfigDict
from mmengine.optim import OptimWrapper
from mmengine.registry import PARAM_SCHEDULERS

from mmbackbones import get_config
from mmbackbones.engine.batch import set_batch
from mmbackbones.engine.schedule import advance, fit_schedulers, scaled_learning_rate, set_learning_rate, set_length
from mmbackbones.errors import UserError

pytestmark = pytest.mark.slow

COCO_EPOCH = 7330  # iterations at batch 16
WARM_UP = dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=500)
STEPS = dict(type='MultiStepLR', by_epoch=True, begin=0, end=12, milestones=[8, 11], gamma=0.1)
ONE_X = dict(type='EpochBasedTrainLoop', max_epochs=12)


def fit(new, epoch_length, schedulers=(WARM_UP, STEPS), old=ONE_X):
    return fit_schedulers([ConfigDict(s) for s in schedulers], old, new, epoch_length)


def test_original_length_keeps_its_times():
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
    assert warm_up['end'] == 12  # a tenth of the run, not 42 of 120
    assert steps['milestones'] == [80, 110]


def test_iterations_in_place_of_epochs():
    warm_up, steps = fit(dict(max_iters=1200), 50)
    assert warm_up['end'] == 120
    assert steps['milestones'] == [800, 1100]


@pytest.mark.parametrize('new', [dict(max_iters=1200), dict(max_epochs=6)])
def test_schedules_to_be_converted_can_be_built(new):
    """As in MMDetection's configs of YOLOX and RTMDet."""
    cosine = dict(type='CosineAnnealingLR', begin=6, end=12, T_max=6, by_epoch=True, convert_to_iter_based=True)
    [fitted] = fit(new, 200, [cosine])
    assert (fitted['begin'], fitted['end'], fitted['T_max'], fitted['by_epoch']) == (600, 1200, 600, False)
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=0.1)
    PARAM_SCHEDULERS.build(dict(fitted, optimizer=optimizer))


def test_schedules_in_iterations():
    poly = dict(type='PolyLR', by_epoch=False, begin=1500, end=160000, power=1.0, eta_min=0.0)
    start = dict(type='LinearLR', start_factor=1e-6, by_epoch=False, begin=0, end=1500)
    start, poly = fit(dict(max_epochs=8), 1000, (start, poly), dict(max_iters=160000))
    assert (start['end'], poly['begin'], poly['end']) == (75, 75, 8000)


def test_a_warm_up_too_short_to_rise_is_left_out():
    assert [s['type'] for s in fit(dict(max_iters=6), 3)] == ['MultiStepLR']


def test_schedulers_without_an_end_keep_none():
    constant = dict(type='ConstantLR', by_epoch=True, factor=0.5)
    assert 'end' not in fit(dict(max_epochs=3), 10, (constant,))[0]


def test_a_scheduler_without_a_length_is_refused():
    with pytest.raises(UserError, match='ExponentialLR'):
        fit(dict(max_epochs=3), 10, (dict(type='ExponentialLR', gamma=0.9),))


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


def test_what_the_user_has_set_is_not_stretched():
    schedulers = (dict(WARM_UP, end=300), dict(STEPS, milestones=[3, 4]))
    fixed = {'param_scheduler.0.end', 'param_scheduler.1.milestones'}
    warm_up, steps = fit_schedulers([ConfigDict(s) for s in schedulers], ONE_X, dict(max_epochs=6), 120, fixed)
    assert (warm_up['end'], steps['milestones'], steps['end']) == (300, [360, 480], 720)


def test_periods_and_steps_of_a_cycle_are_stretched_too():
    cycle = dict(type='OneCycleLR', eta_max=1.0, total_steps=12, by_epoch=True)
    restart = dict(type='CosineRestartLR', periods=[4, 8], by_epoch=True)
    cycle, restart = fit(dict(max_epochs=6), 100, (cycle, restart))
    assert (cycle['total_steps'], restart['periods']) == (600, [200, 400])


def test_a_scheduler_that_waits_for_the_validation_is_refused():
    with pytest.raises(UserError, match='ReduceOnPlateauLR has no length'):
        fit(dict(max_epochs=3), 10, (dict(type='ReduceOnPlateauLR', by_epoch=True),))


MANY = [
    dict(type='LinearLR', start_factor=0.001, by_epoch=False, begin=0, end=10),
    dict(type='MultiStepLR', by_epoch=False, begin=0, end=90, milestones=[30, 60]),
    dict(type='CosineAnnealingLR', by_epoch=False, begin=20, end=80, T_max=60),
    dict(type='PolyLR', by_epoch=False, begin=10, end=90, power=0.9, eta_min=1e-6),
    dict(type='CosineRestartLR', by_epoch=False, periods=[30, 60], restart_weights=[1, 0.5], eta_min=0),
    dict(type='LinearMomentum', by_epoch=False, begin=0, end=50, start_factor=0.5),
]


def built(schedulers, groups=40):
    params = [
        dict(
            params=[torch.nn.Parameter(torch.zeros(1))],
            lr=1e-3 * (1 + index % 3),
            betas=(0.9, 0.9 + 0.01 * (index % 2)),
        )
        for index in range(groups)
    ]
    wrapper = OptimWrapper(torch.optim.AdamW(params, lr=1e-3))
    return wrapper, [
        PARAM_SCHEDULERS.build(dict(scheduler), default_args=dict(optimizer=wrapper, epoch_length=10))
        for scheduler in schedulers
    ]


def values(wrapper):
    return [{key: value for key, value in group.items() if key != 'params'} for group in wrapper.param_groups]


@pytest.mark.filterwarnings('ignore:Detected call of')
@pytest.mark.parametrize('steps', [0, 1, 10, 47, 95])
@pytest.mark.parametrize('chosen', [*([scheduler] for scheduler in MANY), MANY[:2], [MANY[0], MANY[3], MANY[5]]])
def test_advance_equals_steps(chosen, steps):
    stepped, ours = built(chosen), built(chosen)
    for _ in range(steps):
        for scheduler in stepped[1]:
            scheduler.step()
    advance(ours[1], steps)
    for _ in range(2):  # there, and one step further
        assert values(ours[0]) == values(stepped[0])
        assert [scheduler.state_dict() for scheduler in ours[1]] == [scheduler.state_dict() for scheduler in stepped[1]]
        for scheduler in stepped[1] + ours[1]:
            scheduler.step()


def test_to_advance_is_not_to_step_hundreds_of_groups(monkeypatch):
    """UperNet's 160,000 iterations: each step of each scheduler computes the distinct groups only."""
    wrapper, schedulers = built([MANY[0], MANY[3]], groups=400)
    sizes = []
    plain = type(schedulers[1])._get_value

    def counted(self):
        sizes.append(len(self.optimizer.param_groups))
        return plain(self)

    monkeypatch.setattr(type(schedulers[1]), '_get_value', counted)
    advance(schedulers, 50)
    assert set(sizes) == {7}  # 3 rates x 2 betas, and what MMEngine adds for its log
    assert len(wrapper.param_groups) == 401


def test_what_mmengine_would_convert_to_iterations_is_converted():
    """As in the configs of YOLOX and RTMDet."""
    plain = dict(type='CosineAnnealingLR', by_epoch=True, begin=1, end=12, T_max=11)
    assert fit(ONE_X, 50, [dict(plain, convert_to_iter_based=True)]) == fit(ONE_X, 50, [plain])


def test_a_cycle_that_is_over_before_the_training_is_refused():
    cycle = dict(type='OneCycleLR', by_epoch=True, eta_max=0.1, total_steps=12)
    assert fit(dict(max_epochs=3), 50, [cycle])[0]['total_steps'] == 150
    with pytest.raises(UserError, match='total_steps of OneCycleLR are fewer than the iterations of this training run'):
        fit(ONE_X, 50, [dict(cycle, total_steps=6)])
    assert fit(ONE_X, 50, [dict(cycle, total_steps=6, end=6)])[0]['end'] == 300


def rate(cfg):
    """The learning rate after MMEngine's scaling, on one device."""
    scale = cfg.auto_scale_lr
    factor = cfg.train_dataloader.batch_size / scale.base_batch_size if scale.enable else 1
    return pytest.approx(cfg.optim_wrapper.optimizer.lr * factor)


@pytest.mark.parametrize(
    ('batch_size', 'lr', 'accumulate', 'expected'),
    [
        (16, None, 1, 1e-4),
        (4, None, 1, 2.5e-5),
        (None, None, 1, 1.25e-5),  # the config is for eight devices, of two images each
        (4, 3e-4, 1, 3e-4),
        (4, None, 4, 1e-4),
        (4, 3e-4, 4, 3e-4),
    ],
)
def test_learning_rate_scales_with_the_images_per_step(batch_size, lr, accumulate, expected):
    cfg = get_config('retinanet_van_b')
    set_batch(cfg, batch_size, accumulate)
    set_learning_rate(cfg, lr, batch_size is not None, accumulate)
    assert rate(cfg) == expected


def test_config_without_a_batch_size_to_scale_from_keeps_its_rate():
    cfg = get_config('retinanet_van_b')
    del cfg._cfg_dict['auto_scale_lr']
    set_learning_rate(cfg, None, True, 2)
    assert cfg.optim_wrapper.optimizer.lr == 1e-4
    assert 'auto_scale_lr' not in cfg


@pytest.mark.parametrize(('enable', 'lr'), [(True, 0.2), (False, 0.1)])
def test_scaled_learning_rate(enable, lr):
    cfg = Config(
        dict(optim_wrapper=dict(optimizer=dict(lr=0.1)), auto_scale_lr=dict(enable=enable, base_batch_size=16))
    )
    assert scaled_learning_rate(cfg, 32) == pytest.approx(lr)
    cfg.pop('auto_scale_lr')
    assert scaled_learning_rate(cfg, 32) == 0.1
