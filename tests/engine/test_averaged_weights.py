"""The exponential moving average of the weights."""

from copy import deepcopy
from functools import partial
from signal import SIGTERM
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from mmengine.optim import OptimWrapper
from torch import nn

from mmbackbones.apis import train
from mmbackbones.engine.averaged_weights import AveragedWeightsHook, averages_weights, set_ema
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.errors import Terminated, UserError
from mmbackbones.evaluation.metrics import ExactCocoMetric
from mmbackbones.weights import load_from_file
from tests.helpers.kill import SignalHook, run_killed
from tests.helpers.results import steady_rows


def configured(asked: bool = True, **sections) -> Config:
    cfg = Config(dict(default_hooks={}, custom_hooks=[]))
    for name, value in sections.items():
        cfg[name] = value
    set_ema(cfg, asked)
    return cfg


def begun(accumulate: int = 1, **more) -> SimpleNamespace:
    """A run of a small network with a frozen layer, whose hook is about to average."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2))
    model[2].requires_grad_(False)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.1)
    wrapper = OptimWrapper(optimizer, accumulative_counts=accumulate)
    wrapper.initialize_count_status(model, 0, 6)
    hook = AveragedWeightsHook(
        **{key: value for key, value in configured().default_hooks.ema.items() if key != 'type'} | more
    )
    runner = SimpleNamespace(
        model=model, optim_wrapper=wrapper, hooks=[hook], iter=0, epoch=0, max_iters=6, _resume=False
    )
    hook.before_run(runner)
    hook.before_train(runner)
    return runner


def train_one(runner) -> None:
    loss = runner.model(torch.randn(5, 3) + runner.iter).square().mean()
    runner.optim_wrapper.update_params(loss)
    runner.hooks[0].after_train_iter(runner, runner.iter)
    runner.iter += 1


def state(model: nn.Module) -> dict[str, torch.Tensor]:
    return {key: value.clone() for key, value in model.state_dict().items()}


def saved(runner, **parts) -> dict:
    checkpoint = dict(state_dict=state(runner.model), optimizer={}, **parts)
    runner.hooks[0].before_save_checkpoint(runner, checkpoint)
    return deepcopy(checkpoint)  # of what goes on changing


@pytest.mark.parametrize('accumulate', [1, 2])
def test_each_step_of_the_optimizer_is_one_of_the_average(accumulate):
    runner = begun(accumulate)
    expected, steps = None, 0
    for done in range(1, 7):
        train_one(runner)
        now = state(runner.model)
        if done % accumulate == 0:
            share = 1.0 if expected is None else 10 / (10 + steps)  # the first one is taken as it is
            expected = now if expected is None else {key: (1 - share) * expected[key] + share * now[key] for key in now}
            steps += 1
    found = saved(runner)['state_dict']
    for key in ('0.weight', '1.weight', '1.bias', '1.running_mean', '1.running_var'):
        torch.testing.assert_close(found[key], expected[key])
        assert not torch.equal(found[key], now[key])
    assert torch.equal(found['2.weight'], now['2.weight'])  # frozen, to the last bit
    assert found['1.num_batches_tracked'] == 6  # a counter


def test_statistics_that_are_not_averaged_are_those_of_the_last_batch():
    runner = begun(4, update_buffers=False)
    for _ in range(5):
        train_one(runner)
    runner.model[1].running_mean += 1  # as the mean over all processes may change it
    found = saved(runner)['state_dict']
    assert torch.equal(found['1.running_mean'], runner.model[1].running_mean)
    assert found['1.num_batches_tracked'] == 5


def test_a_validation_sees_the_average_and_so_does_a_checkpoint_written_meanwhile():
    runner = begun()
    hook = runner.hooks[0]
    for _ in range(3):
        train_one(runner)
    before, trained = saved(runner), state(runner.model)
    hook.before_val_epoch(runner)
    seen, during = state(runner.model), saved(runner)
    hook.after_val_epoch(runner)
    for found in (seen, during['state_dict']):
        torch.testing.assert_close(found, dict(before['state_dict']), rtol=0, atol=0)
    torch.testing.assert_close(dict(during['ema_state_dict']), dict(before['ema_state_dict']), rtol=0, atol=0)
    torch.testing.assert_close(state(runner.model), trained, rtol=0, atol=0)
    assert torch.equal(before['ema_state_dict']['module.0.weight'], trained['0.weight'])


def test_best_checkpoints_hold_the_average_alone():
    runner = begun()
    train_one(runner)
    checkpoint = dict(state_dict=state(runner.model))
    runner.hooks[0].before_save_checkpoint(runner, checkpoint)
    assert list(checkpoint) == ['state_dict']


def test_a_test_leaves_the_weights_as_they_are():
    """Its config may be that of a training run."""
    runner = begun()
    hook = AveragedWeightsHook()
    before = state(runner.model)
    hook.before_run(runner)
    hook.after_load_checkpoint(runner, dict(state_dict=state(runner.model)))
    for step in (hook.before_test_epoch, hook.before_val_epoch):
        step(runner)
        torch.testing.assert_close(state(runner.model), before, rtol=0, atol=0)


def test_processes_share_the_statistics_of_both_models(monkeypatch):
    """Else a validation would be of another model than the one that is saved, which is the first process's."""
    shared, runner = [], begun()
    monkeypatch.setattr('mmbackbones.engine.checkpoints.hook.average_running_statistics', shared.append)
    WholeCheckpointHook(interval=1)._average(runner)
    assert shared == [runner.model, runner.hooks[0].ema_model.module]


class TestConfig:
    def test_defaults_and_what_replaces_them(self):
        assert configured().default_hooks.ema.type == 'AveragedWeightsHook'
        cfg = configured(default_hooks=dict(ema=dict(momentum=0.01)))
        assert (cfg.default_hooks.ema.momentum, cfg.default_hooks.ema.gamma) == (0.01, 10)
        assert averages_weights(cfg)
        other = configured(default_hooks=dict(ema=dict(ema_type='StochasticWeightAverage'))).default_hooks.ema
        assert other == dict(type='AveragedWeightsHook', ema_type='StochasticWeightAverage', update_buffers=True)

    def test_a_hook_of_the_config_stays_with_its_arguments(self):
        own = dict(type='EMAHook', ema_type='ExpMomentumEMA', momentum=0.1)
        for asked in (True, False):
            cfg = configured(asked, custom_hooks=[deepcopy(own)])
            assert cfg.custom_hooks == [{**own, 'type': 'AveragedWeightsHook'}]
            assert 'ema' not in cfg.default_hooks

    def test_without_the_option(self):
        cfg = configured(False)
        assert not averages_weights(cfg)
        assert not cfg.default_hooks

    def test_wrong_arguments_are_refused_at_once(self):
        with pytest.raises(AssertionError, match='momentum must be in range'):
            AveragedWeightsHook(momentum=2)


OPTIONS = {
    'train_dataloader.dataset.indices': 6,
    'train_dataloader.num_workers': 0,
    'val_dataloader.batch_size': 2,
    'train_cfg.val_interval': 1,
    'default_hooks.checkpoint.interval': 2,
    'default_hooks.checkpoint.max_keep_ckpts': 9,
    'log_level': 'ERROR',
}
SCORES = [0.3, 0.1, 0.3, 0.4]  # of each epoch


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    """A run of up to four epochs of three batches, in steps of two, that ends after two epochs without a better one."""

    def compute_metrics(self, results):
        done = MessageHub.get_current_instance().get_info('iter') + 1  # one more where the run was only just resumed
        return dict(bbox_mAP=SCORES[done // 3 - 1])

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Config, 'pretty_text', '')
        patch.setattr(ExactCocoMetric, 'compute_metrics', compute_metrics)
        arguments = dict(data=str(shapes), img_scale=(64, 64), epochs=4, accumulate=2, ema=True, early_stop=2)
        yield partial(train, tiny_config, **arguments, cfg_options=OPTIONS)


@pytest.fixture(scope='module')
def whole(start, tmp_path_factory):
    """Work directory and result of an uninterrupted run."""
    folder = tmp_path_factory.mktemp('whole')
    return folder, start(work_dir=str(folder))


def contents(folder) -> dict[str, dict]:
    """What is in each checkpoint, as far as it is of a run and not of a start of it."""
    found = {}
    for path in sorted(folder.glob('*.pth')):
        content = load_from_file(path)
        parts = ['state_dict', 'ema_state_dict', 'optimizer', 'accumulated_gradients']
        if 'optimizer' in content:  # else no run is resumed from it
            parts.append('record')
        found[path.name] = {key: dict(content[key]) for key in parts if key in content}
    return found


@pytest.mark.slow
class TestRun:
    def test_it_ends_early_with_its_best_checkpoint(self, whole):
        folder, result = whole
        names = ['best_coco_bbox_mAP_epoch_1.pth', 'epoch_2.pth', 'epoch_3.pth']
        assert sorted(contents(folder)) == names
        assert (result.best_checkpoint.name, result.checkpoint.name) == (names[0], names[-1])
        assert (result.metric, result.metrics) == ('bbox_mAP', dict(bbox_mAP=0.3))
        assert [row['bbox_mAP'] for row in steady_rows(folder)] == SCORES[:3]

    def test_the_saved_model_is_the_average(self, whole):
        last = contents(whole[0])['epoch_3.pth']
        state, trained = last['state_dict'], last['ema_state_dict']
        assert trained['steps'] == 4
        different = [key for key in state if not torch.equal(state[key], trained[f'module.{key}'])]
        assert len(different) > len(state) / 2
        assert 'ema_state_dict' not in contents(whole[0])['best_coco_bbox_mAP_epoch_1.pth']

    def test_interrupted_again_and_again(self, start, whole, tmp_path):
        """Inside an accumulation, in a validation, and while the checkpoint is written that ends the run early."""
        again = partial(start, work_dir=str(tmp_path), resume='auto')
        for method, iteration in [('after_train_iter', 1), ('after_val_iter', 3)]:
            signal = dict(type=SignalHook.__name__, moments=[(method, iteration, int(SIGTERM))])
            with pytest.raises(Terminated):
                again(cfg_options={**OPTIONS, 'custom_hooks': [signal]})
            assert list(contents(tmp_path)) == [f'iter_{iteration}.pth']
        run_killed(again, 'epoch_3', 1)
        again()
        expected, found = contents(whole[0]), contents(tmp_path)
        assert sorted(found) == sorted(expected)
        for file, content in expected.items():
            torch.testing.assert_close(found[file], content, rtol=0, atol=0)
        assert steady_rows(tmp_path) == steady_rows(whole[0])

    def test_a_run_that_ended_early_is_finished(self, start, whole, tmp_path):
        last = str(whole[0] / 'epoch_3.pth')
        message = (
            'epoch_3.pth is of a finished run: 2 validations in a row found no better figure, and --early-stop 2 ends '
            'it there; to train longer, use --early-stop N with N above 2, or leave it out'
        )
        with pytest.raises(UserError, match=message):
            start(work_dir=str(tmp_path), resume=last)
        result = start(work_dir=str(tmp_path), resume=last, early_stop=3)
        assert result.best_checkpoint.name == 'best_coco_bbox_mAP_epoch_4.pth'
