"""A training run whose loss becomes NaN ends, and keeps its last good checkpoint."""

from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS

from mmbackbones.apis import train
from mmbackbones.engine import finite_loss
from mmbackbones.engine.averaged_weights import AveragedWeightsHook, averaged_model
from mmbackbones.engine.finite_loss import FiniteLossHook, finish_loss_check
from mmbackbones.engine.finite_weights import check_weights
from mmbackbones.errors import RunFailed
from mmbackbones.weights import load_from_file

pytestmark = pytest.mark.slow


@HOOKS.register_module()
class SpoilHook(Hook):
    """Makes NaN of something after the last iteration of the second epoch."""

    def __init__(self, name: str) -> None:
        self.name = name

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        if runner.epoch == 1 and batch_idx == 1:
            runner.model.state_dict()[self.name].flatten()[0] = float('nan')


def options(**more) -> dict:
    return {
        'train_dataloader.num_workers': 0,
        'log_level': 'ERROR',
        'train_cfg.val_interval': 5,
        'default_hooks.checkpoint.max_keep_ckpts': 1,
        **more,
    }


def assert_finite(folder) -> None:
    files = [path for path in folder.iterdir() if '.pth' in path.name]
    for path in files:
        for name, value in load_from_file(path)['state_dict'].items():
            assert value.isfinite().all(), f'{name} in {path.name}'


def test_learning_rate_too_high(tool, tiny_config, shapes, tmp_path):
    arguments = [tiny_config, '--data', shapes, '--img-scale', 64, 64, '--epochs', 2, '--work-dir', tmp_path]
    code, _, err = tool(
        'train',
        *arguments,
        '--lr',
        1e6,
        '--cfg-options',
        'train_dataloader.num_workers=0',
        'optim_wrapper.clip_grad=None',
    )
    assert code == 1
    said = err.splitlines()[-1]
    for words in (
        'error: the loss is no longer finite in epoch ',
        'iteration ',
        'loss_cls is ',
        '.jpg, ',
        'use a lower --lr (the rate was ',
    ):
        assert words in said
    assert 'Traceback' not in err
    assert_finite(tmp_path)


@pytest.mark.parametrize('name', ['neck.fpn_convs.0.conv.weight', 'backbone.stages.0.blocks.0.norm1.running_var'])
def test_weights_that_are_not_finite_are_not_saved(tiny_config, shapes, tmp_path, name):
    """Whatever made them so: the loss of the last iteration before the checkpoint was finite."""
    with pytest.raises(RunFailed, match=f'{name} is no longer finite.*last good checkpoint is .*epoch_1.pth'):
        train(
            tiny_config,
            data=str(shapes),
            img_scale=(64, 64),
            epochs=3,
            batch_size=4,
            work_dir=str(tmp_path),
            cfg_options=options(custom_hooks=[dict(type='SpoilHook', name=name)]),
        )
    assert [path.name for path in tmp_path.glob('*.pth')] == ['epoch_1.pth']
    assert_finite(tmp_path)


def runner_with(hook, **state):
    model = torch.nn.Sequential(torch.nn.BatchNorm1d(1))
    wrapper = OptimWrapper(torch.optim.Adam(model.parameters(), 0.5))
    cfg = Config(dict(train_cfg=dict(max_iters=9)))
    runner = dict(
        hooks=[hook], max_iters=9, model=model, optim_wrapper=wrapper, iter=2, cfg=cfg, _resume=False, _load_from=None
    )
    return SimpleNamespace(**{**runner, **state})


def moment(runner) -> torch.Tensor:
    """Squares of gradients, which are infinite where those are only large."""
    return runner.optim_wrapper.optimizer.state[runner.model[0].weight]['exp_avg_sq']


def test_loss_that_is_not_finite_ends_the_run():
    hook = FiniteLossHook()
    runner = runner_with(hook, _resume=True, _load_from='old.pth')
    hook.after_train_iter(runner, 0, outputs=dict(loss=torch.tensor(1.0), accuracy=torch.tensor(float('nan'))))
    finish_loss_check(runner)  # a figure that is not a loss may be anything
    sample = SimpleNamespace(img_path='a.jpg')
    with pytest.raises(RunFailed) as error:
        hook.after_train_iter(runner, 0, dict(data_samples=[sample]), dict(loss=torch.tensor(float('inf'))))
    assert error.value.on_all_processes
    assert str(error.value) == (
        'the loss is no longer finite in iteration 3: loss is inf; images of the batch: a.jpg; the last good '
        'checkpoint is old.pth; use a lower --lr (the rate was 0.5), and look at these images and their annotations'
    )
    finish_loss_check(runner)  # it is reported once


@pytest.mark.parametrize(
    'finish',
    [
        finish_loss_check,
        lambda runner: runner.hooks[0].finish_check(runner),
        lambda runner: runner.hooks[0].before_val_epoch(runner),
        lambda runner: runner.hooks[0].after_train(runner),
    ],
    ids=['checkpoint', 'next iteration', 'validation', 'end'],
)
def test_a_pending_check_is_finished_in_time(finish):
    """On a GPU the check of an iteration is read later."""
    hook = FiniteLossHook()
    runner = runner_with(hook)
    waited = []
    known = SimpleNamespace(synchronize=lambda: waited.append(True))
    losses = dict(loss=torch.tensor(float('nan')))
    hook.pending = finite_loss._Check('iteration 3', losses, [], torch.tensor([1]), known)
    with pytest.raises(RunFailed, match='loss is nan; images of the batch: not named by the data; there is'):
        finish(runner)
    assert waited == [True]


@pytest.mark.parametrize(
    ('spoil', 'name'),
    [
        (lambda runner: runner.model[0].weight.data, '0.weight'),
        (lambda runner: runner.model[0].running_var, '0.running_var'),
        (lambda runner: averaged_model(runner)[0].bias.data, 'the average of 0.bias'),
        (moment, "the optimizer's state of 0.weight"),
        (lambda runner: runner.model[0].weight.grad, 'the gradient of 0.weight'),
    ],
    ids=['weight', 'statistic', 'average', 'moment', 'gradient'],
)
def test_nothing_that_is_not_finite_is_saved(spoil, name):
    average = AveragedWeightsHook()
    runner = runner_with(FiniteLossHook(), hooks=[FiniteLossHook(), average])
    average.before_train(runner)
    runner.model(torch.randn(4, 1)).sum().backward()
    runner.optim_wrapper.step()
    check_weights(runner)
    spoil(runner)[0] = float('inf')
    with pytest.raises(RunFailed, match=f'^{name} is no longer finite, and nothing is saved; there is no checkpoint'):
        check_weights(runner)
