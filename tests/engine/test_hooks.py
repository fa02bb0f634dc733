"""The progress of a run on the screen."""

import re
from io import StringIO
from types import SimpleNamespace

import pytest
from mmengine.config import Config
from mmengine.logging import MessageHub
from rich.console import Console

from mmbackbones.engine import progress_display
from mmbackbones.engine.checkpoints.hook import WholeCheckpointHook
from mmbackbones.engine.hooks import ProgressHook
from mmbackbones.engine.progress_display import ProgressDisplay, Stage
from mmbackbones.engine.results_hook import ResultsHook

KEY = 'coco/bbox_mAP'


def train_with_progress(terminal: bool, width: int = 100, key: str = KEY, **length) -> str:
    """What a run of 2 epochs of 2 iterations, with a validation of 3 batches after each, shows beside its lines."""
    output = StringIO()
    console = Console(file=output, force_terminal=terminal, width=width, color_system=None, legacy_windows=False)
    hub = MessageHub.get_instance(f'progress of {length}')
    cfg = Config(dict(train_cfg=length, train_dataloader=dict(batch_size=4)))
    best = WholeCheckpointHook(interval=1, by_epoch='max_epochs' in length, save_best=key, rule='greater')
    results = ResultsHook()
    hooks = [best, results]
    runner = SimpleNamespace(
        cfg=cfg, message_hub=hub, iter=0, epoch=0, max_iters=4, max_epochs=2, hooks=hooks, val_dataloader=[1] * 3
    )
    with ProgressDisplay(console) as display:
        hook = ProgressHook(display)
        for iteration in range(4):
            for name, value in dict(loss=1.5, lr=0.001, time=0.1).items():
                hub.update_scalar(f'train/{name}', value)
            runner.iter = iteration
            hook.after_train_iter(runner, iteration)
            runner.iter += 1
            if iteration % 2:
                runner.epoch += 1
                hook.before_val_epoch(runner)
                for batch in range(3):
                    hook.after_val_iter(runner, batch)
                score = 0.5 / runner.epoch
                results.rows.append({'iteration': runner.iter, 'train/loss': 1.25})
                best.best = {key: (0.5, 1 if best.by_epoch else 2)}
                hook.after_val_epoch(runner, {key: score, 'coco/bbox_mAP_s': -1, 'coco/bbox_AP_cat': score})
    return output.getvalue()


@pytest.fixture
def at_once(monkeypatch):
    """A display that shows every change."""
    for name in ('_PAUSE', '_SILENCE'):
        monkeypatch.setattr(progress_display, name, -1)


def test_without_a_terminal_there_are_lines(at_once, capsys):
    assert train_with_progress(terminal=False, max_epochs=2) == ''
    lines = [re.sub(r'(after|about) \d+ s', r'\1 T s', line).rstrip() for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        'epoch 1/2, iteration 1/4: loss 1.500, lr 1.0e-03, 40 images/s',
        'epoch 1/2, iteration 2/4: loss 1.500, lr 1.0e-03, 40 images/s, about T s left',
        'validation, batch 1/3',
        'validation, batch 2/3',
        'epoch 1/2  loss 1.250  bbox_mAP 0.500 (best)  after T s',
        'epoch 2/2, iteration 3/4: loss 1.500, lr 1.0e-03, 40 images/s, bbox_mAP 0.500, best 0.500, about T s left',
        'epoch 2/2, iteration 4/4: loss 1.500, lr 1.0e-03, 40 images/s, bbox_mAP 0.500, best 0.500',
        'validation, batch 1/3',
        'validation, batch 2/3',
        'epoch 2/2  loss 1.250  bbox_mAP 0.250         after T s',
    ]


def test_silence_is_broken_twice_a_minute_only(capsys):
    assert train_with_progress(terminal=False, max_iters=4) == ''
    lines = capsys.readouterr().out.splitlines()
    assert [line.split('  ')[:3:2] for line in lines] == [
        ['iteration 2/4', 'bbox_mAP 0.500 (best)'],
        ['iteration 4/4', 'bbox_mAP 0.250'],
    ]


def test_on_a_terminal_there_is_a_bar_that_disappears(at_once, capsys):
    output = train_with_progress(terminal=True, max_epochs=2)
    assert '\x1b[?25l' in output  # the cursor is hidden while the bar is drawn
    assert output.endswith('\x1b[?25h\r\x1b[1A\x1b[2K')  # and back, and the last line is erased
    frames = output.split('\x1b[1A')
    for part in ('epoch 2/2', '4/4', 'loss 1.500', 'lr 1.0e-03', '40 images/s', 'bbox_mAP 0.500, best 0.500'):
        assert any(part in frame for frame in frames)
    assert re.search(r'validation +━+ +2/3', output)
    assert re.search(r'evaluation +━+ +3/3', output)
    assert len(capsys.readouterr().out.splitlines()) == 2  # one line for each validation


@pytest.mark.parametrize('width', [30, 60])
def test_a_narrow_terminal_breaks_lines_between_figures(at_once, width):
    output = train_with_progress(terminal=True, width=width, max_epochs=2)
    lines = [re.sub(r'\x1b\[[^a-zA-Z]*[a-zA-Z]', '', line).strip('\r ') for line in output.splitlines()]
    assert max(map(len, lines)) <= width
    assert any(line.endswith('bbox_mAP 0.500, best 0.500') for line in lines)


def test_names_are_shown_as_they_are(at_once, capsys):
    output = train_with_progress(terminal=True, key='coco/bbox_AP of [/b] \x1b[31m', max_epochs=2)
    assert 'bbox_AP of [/b] \\x1b[31m 0.500' in output
    assert '\x1b[31m' not in output + capsys.readouterr().out


def test_a_bar_in_no_terminal_is_not_forced(monkeypatch):
    monkeypatch.setenv('FORCE_COLOR', '1')
    display = ProgressDisplay()
    assert not display.console.is_terminal
    display.state.stages = [Stage('test', 3)]
    with display:
        display.show_bar()


def test_what_ends_a_run_ends_the_bar():
    console = Console(file=StringIO(), force_terminal=True, legacy_windows=False)
    display = ProgressDisplay(console)
    display.state.stages = [Stage('test', 3)]

    def stopped():
        with display:
            display.show()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopped()
    assert console.file.getvalue().endswith('\x1b[?25h\r\x1b[1A\x1b[2K')
