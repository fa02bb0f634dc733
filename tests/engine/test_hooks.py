"""Hooks: the match of a checkpoint with the model, and the progress of a training run."""

import logging
import re
from io import StringIO
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MessageHub
from rich.console import Console
from torch import nn

from mmbackbones.engine import hooks
from mmbackbones.engine.hooks import CheckpointMatchHook, ProgressHook
from mmbackbones.errors import UserError


class Detector(nn.Module):
    def __init__(self, classes: int = 3) -> None:
        super().__init__()
        self.backbone, self.head = nn.Linear(2, 2), nn.Linear(2, classes)


def load(state: dict, strict: bool) -> tuple[dict, str]:
    """What is left of a checkpoint, and the log."""
    logger = logging.Logger('match', logging.INFO)
    logger.addHandler(logging.StreamHandler(log := StringIO()))
    checkpoint = dict(state_dict=state)
    runner = SimpleNamespace(cfg=SimpleNamespace(load_from='a.pth'), model=Detector(), logger=logger)
    CheckpointMatchHook(strict).after_load_checkpoint(runner, checkpoint)
    return checkpoint['state_dict'], log.getvalue()


def test_matching_checkpoint_is_loaded():
    state = Detector().state_dict()
    found, log = load(dict(state), strict=True)
    assert set(found) == set(state)
    assert log == 'loaded 4 of 4 keys from a.pth\n'


def test_mismatched_head_is_skipped_and_logged():
    found, log = load(dict(Detector(classes=5).state_dict()), strict=False)
    assert set(found) == {'backbone.weight', 'backbone.bias'}
    assert log == 'loaded 2 of 4 keys from a.pth\nleft out, because they differ here: head.weight, head.bias\n'


@pytest.mark.parametrize(
    ('state', 'strict', 'key'),
    [
        (Detector(classes=5).state_dict(), True, 'head.weight'),
        ({'backbone.weight': torch.zeros(2, 2)}, False, 'backbone.bias'),
        ({'other.weight': torch.zeros(1)}, False, 'backbone.weight'),
    ],
)
def test_mismatched_checkpoint_is_refused(state, strict, key):
    with pytest.raises(UserError, match=rf'a\.pth does not fit the config: \d of 4 keys do, {re.escape(key)} does not'):
        load(dict(state), strict)


def train_with_progress(monkeypatch, terminal: bool, **length) -> str:
    """What a training run of 2 epochs of 2 iterations prints."""
    output = StringIO()
    console = Console(file=output, force_terminal=terminal, width=120, color_system=None, legacy_windows=False)
    hub = MessageHub.get_instance('progress of a run')
    cfg = Config(dict(train_cfg=length))
    runner = SimpleNamespace(cfg=cfg, message_hub=hub, iter=0, epoch=0, max_iters=4, max_epochs=2)
    monkeypatch.setattr('rich.get_console', lambda: console)
    monkeypatch.setattr('rich.progress.get_console', lambda: console)
    monkeypatch.setattr(hooks, 'print', lambda text, flush: output.write(f'{text}\n'), raising=False)
    hook = ProgressHook('coco/bbox_mAP_50')
    hook.before_train(runner)
    for iteration in range(4):
        hub.update_scalar('train/loss', 1.5)
        runner.iter = iteration
        hook.after_train_iter(runner, iteration)
        runner.iter += 1
        if iteration % 2:
            runner.epoch += 1
            hook.after_val_epoch(runner, {'coco/bbox_mAP_50': 0.25 * runner.epoch})
    hook.after_train(runner)
    return output.getvalue()


def test_progress_in_a_pipe_is_one_line_per_validation(monkeypatch):
    lines = train_with_progress(monkeypatch, terminal=False, max_epochs=2).splitlines()
    lines = [re.sub(r'\d+ s$', 'T s', line) for line in lines]
    assert lines[:2] == [
        'epoch 1/2  loss 1.500  bbox_mAP_50 0.250  T s',
        'epoch 2/2  loss 1.500  bbox_mAP_50 0.500  T s',
    ]


def test_progress_in_iterations(monkeypatch):
    lines = train_with_progress(monkeypatch, terminal=False, max_iters=4).splitlines()
    assert [line.split('  ')[0] for line in lines[:2]] == ['iteration 2/4', 'iteration 4/4']


def test_progress_on_a_terminal_is_a_bar(monkeypatch):
    output = train_with_progress(monkeypatch, terminal=True, max_epochs=2)
    assert '\x1b[?25l' in output  # the cursor is hidden while the bar is drawn
    last = [line for line in output.splitlines() if 'epoch' in line][-1]
    for part in ('epoch 2/2', '4/4', 'loss 1.500', 'bbox_mAP_50 0.500'):
        assert part in last
    assert ' s\n' not in output  # no lines beside the bar
