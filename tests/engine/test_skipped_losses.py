"""Batches with a loss or gradients that are not finite, left out of a training run: ``--on-nan skip N``."""

import pytest
import torch
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.optim import OptimWrapper
from mmengine.registry import HOOKS

from mmbackbones.apis import train
from mmbackbones.engine import optimizer_guard
from mmbackbones.engine.finite_loss import set_on_nan
from mmbackbones.engine.optimizer_guard import OptimizerGuard
from mmbackbones.errors import RunFailed
from mmbackbones.weights import load_from_file
from tests.helpers.checkpoints import assert_equal
from tests.helpers.results import steady_rows

pytestmark = pytest.mark.slow

LOSSES, GRADIENTS = (0, 3), (2, 5)  # iterations that are spoiled, counted from 0; 2 and 3 are all of an accumulation
NAN = float('nan')


@HOOKS.register_module()
class SpoilBatchHook(Hook):
    """Makes NaN of the inputs of some batches, and of the gradients of others."""

    def before_train(self, runner) -> None:
        preprocess = runner.model.data_preprocessor.forward

        def forward(data, training=False):
            data = preprocess(data, training)
            if training and runner.iter in LOSSES:
                data['inputs'] = data['inputs'] * NAN
            return data

        runner.model.data_preprocessor.forward = forward
        weight = runner.model.neck.fpn_convs[0].conv.weight
        weight.register_hook(lambda gradient: gradient * NAN if runner.iter in GRADIENTS else gradient)


@HOOKS.register_module()
class NoBatchHook(Hook):
    """Never computes anything with these batches: what a run that leaves them out has to be equal to."""

    def before_train(self, runner) -> None:
        learn, wrapper = runner.model.train_step, runner.optim_wrapper

        def train_step(data, optim_wrapper):
            if runner.iter not in LOSSES + GRADIENTS:
                return learn(data, optim_wrapper)
            wrapper._inner_count += 1
            if wrapper.should_update() and any(param.grad is not None for param in runner.model.parameters()):
                wrapper.step()
                wrapper.zero_grad()
            return {}

        runner.model.train_step = train_step


@pytest.mark.parametrize(
    ('reaction', 'hook'),
    [
        ('stop', dict(type='FiniteLossHook')),
        (('skip', 3), dict(type='FiniteLossHook', skip=3)),
    ],
)
def test_losses_are_watched_by_one_hook(reaction, hook):
    cfg = Config(dict(custom_hooks=[dict(type='FiniteLossHook', skip=9), dict(type='EMAHook')]))
    set_on_nan(cfg, reaction)
    assert cfg.custom_hooks == [dict(type='EMAHook'), hook]


@pytest.fixture(scope='module')
def start(tiny_config, shapes, tmp_path_factory):
    flat = tmp_path_factory.mktemp('config') / 'tiny.py'
    Config.fromfile(tiny_config).dump(flat)

    def start_training(folder, hook: str, **more):
        options = {
            'train_dataloader.num_workers': 0,
            'train_cfg.val_interval': 9,
            'default_hooks.checkpoint.interval': 3,
            'default_hooks.logger.interval': 1,
            'custom_hooks': [dict(type=hook)],
        }
        return train(
            str(flat),
            data=str(shapes),
            img_scale=(64, 64),
            iters=9,
            accumulate=2,
            batch_size=2,
            work_dir=str(folder),
            cfg_options=options,
            **more,
        )

    return start_training


@pytest.fixture(scope='module')
def whole(start, tmp_path_factory):
    """The work directory of a run that leaves four batches out, and what it said."""
    folder = tmp_path_factory.mktemp('whole')
    start(folder, 'SpoilBatchHook', on_nan=('skip', 4))
    return folder


def said(folder) -> list[str]:
    """The warnings of the last run in a work directory."""
    log = max(folder.glob('*/*.log')).read_text().splitlines()
    return [line for line in log if 'left out' in line]


def assert_same_checkpoint(first, second) -> None:
    first, second = map(load_from_file, (first, second))
    assert_equal(first['state_dict'], second['state_dict'])
    torch.testing.assert_close(first['optimizer'], second['optimizer'], rtol=0, atol=0)
    assert first.get('left_out') == second.get('left_out')


def test_nothing_of_a_batch_is_left(start, whole, tmp_path):
    """Neither in weights nor moments nor running statistics nor results; other batches of its accumulation stay."""
    start(tmp_path, 'NoBatchHook')
    first, second = (load_from_file(folder / 'iter_9.pth') for folder in (whole, tmp_path))
    assert_equal(first['state_dict'], second['state_dict'])
    torch.testing.assert_close(first['optimizer'], second['optimizer'], rtol=0, atol=0)
    assert steady_rows(whole) == steady_rows(tmp_path)
    for name in ('loss', 'loss_cls', 'grad_norm'):
        history = first['message_hub']['log_scalars'][f'train/{name}'].data[0]
        assert torch.tensor(history).isfinite().all()


def test_what_was_left_out_is_said(whole):
    lines = said(whole)
    assert len(lines) == 5
    for line, number, what in zip(lines[:4], (1, 3, 4, 6), ('loss is', 'gradients are') * 2, strict=True):
        assert f'left out the batch of iteration {number}, because the {what} not finite' in line
        assert line.count('.jpg') == 2
    assert '(loss is nan, loss_cls is nan, loss_bbox is nan); images of the batch: ' in lines[0]
    assert lines[0].endswith('(1 of at most 4 such batches)')
    assert '4 batches were left out, because the loss or the gradients were not finite; their images: ' in lines[-1]
    kept = load_from_file(whole / 'iter_9.pth')['left_out']['losses']
    assert kept['count'] == 4
    assert all(name in lines[-1] for name in kept['files'])


def test_resumed_in_an_accumulation_without_gradients(start, whole, tmp_path):
    """The checkpoint was written when the only batch that waits for its optimizer step had been left out."""
    start(tmp_path, 'SpoilBatchHook', on_nan=('skip', 4), resume=str(whole / 'iter_3.pth'))
    assert_same_checkpoint(whole / 'iter_9.pth', tmp_path / 'iter_9.pth')
    assert steady_rows(whole) == steady_rows(tmp_path)
    assert [line.split('left out')[1] for line in said(tmp_path)] == [
        line.split('left out')[1] for line in said(whole)[2:]
    ]


def test_one_batch_too_many(start, whole, tmp_path):
    with pytest.raises(RunFailed) as error:
        start(tmp_path, 'SpoilBatchHook', on_nan=('skip', 3), resume=str(whole / 'iter_3.pth'))
    assert error.value.on_all_processes
    assert str(error.value).startswith(
        'the gradients are no longer finite in iteration 6, after 3 batches were left out (--on-nan skip 3); images of '
        'the batch: '
    )
    assert f'the last good checkpoint is {whole / "iter_3.pth"}; use a lower --lr' in str(error.value)
    assert not list(tmp_path.glob('*.pth'))


class ScalingWrapper(OptimWrapper):
    """Stands for mixed precision, whose gradients are infinite now and then."""

    def backward(self, loss, **kwargs) -> None:
        super().backward(loss * float('inf'), **kwargs)


@pytest.mark.parametrize(('kind', 'left_out'), [(OptimWrapper, optimizer_guard.GRADIENTS), (ScalingWrapper, None)])
def test_infinite_gradients_of_mixed_precision_are_left_to_it(kind, left_out):
    model = torch.nn.Linear(1, 1, bias=False)
    wrapper = kind(torch.optim.SGD(model.parameters(), 0.1), accumulative_counts=2)
    guard = OptimizerGuard(model, wrapper)
    guard.before_batch()
    wrapper.update_params(model(torch.full((1, 1), 1e30)).sum())  # finite, but not its square
    assert guard.left_out == left_out
    assert (model.weight.grad is None) == (left_out is not None)
    guard.before_batch()
    wrapper.update_params(model(torch.full((1, 1), NAN)).sum())
    assert guard.left_out == optimizer_guard.LOSS
    assert wrapper.inner_count == 2
