"""Hook: the progress of a training run."""

import re
from io import StringIO
from types import SimpleNamespace

from mmengine.config import Config
from mmengine.logging import MessageHub
from rich.console import Console

from mmbackbones.engine import hooks
from mmbackbones.engine.hooks import ProgressHook


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
