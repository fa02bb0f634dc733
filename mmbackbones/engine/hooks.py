"""Hook: the progress of a run, on the screen."""

from collections.abc import Iterator
from contextlib import contextmanager
from time import monotonic

import numpy as np
import torch
from mmengine.dist import get_world_size, is_main_process
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..errors import printable
from ..evaluation.summary import leading_metrics, tidy_metrics
from ..utils.text import duration
from .checkpoints.hook import WholeCheckpointHook
from .progress_display import ProgressDisplay, Stage
from .results_hook import ResultsHook
from .runner_facts import counted_in_epochs, hook_of

_RECENT = 20  # iterations that the loss and the speed are averaged over


@contextmanager
def showing_progress(runner: Runner) -> Iterator[None]:
    """Within the block, show how far a training run or a test is; in the first of several processes."""
    if not is_main_process():
        yield
        return
    with ProgressDisplay() as display:
        runner.register_hook(ProgressHook(display))
        yield


class ProgressHook(Hook):
    """Shows the loss, the speed, the last and the best figure, and the time that is left.

    Args:
        display: Where.
    """

    priority = 'VERY_LOW'  # after the hook that decides which checkpoint is the best

    def __init__(self, display: ProgressDisplay) -> None:
        self.display = display
        self.started = 0.0
        self.first = 0  # iterations that were done before
        self.figure: tuple[str, str] | None = None  # the metric that chooses the best checkpoint, last and best value

    # Training.

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        done, now = runner.iter + 1, monotonic()
        if not self.started:  # the first iteration is slow and tells nothing
            self.started, self.first = now, done
        if not self.display.is_due():
            return
        state = self.display.state
        state.stages = [Stage(_position(runner, done, runner.epoch + 1), runner.max_iters, done, 'iteration')]
        speed = (now - self.started) / max(1, done - self.first)
        state.left = speed * (runner.max_iters - done) if self.first < done < runner.max_iters else None
        state.figures = _figures(runner)
        if self.figure:
            state.figures.append(self.figure)
        self.display.show()

    # Validation.

    def before_val_epoch(self, runner) -> None:
        self.display.state.stages = [*self.display.state.stages[:1], Stage('validation', len(runner.val_dataloader))]
        self.display.show_bar()

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self._step(batch_idx)

    def after_val_epoch(self, runner, metrics=None) -> None:
        del self.display.state.stages[1:]
        found = {key: value for key, value in tidy_metrics(metrics or {}).items() if isinstance(value, float)}
        parts = [_padded_position(runner)]
        if (loss := _loss_since_validation(runner)) is not None:
            parts.append(f'loss {loss:.3f}')
        main, best, is_new = _best(runner, found)
        if main in found:
            self.figure = (printable(main), f'{found[main]:.3f}' + (f', best {best:.3f}' if best is not None else ''))
        for name in leading_metrics(found, main):
            mark = (' (best)' if is_new else ' ' * 7) if name == main else ''
            parts.append(f'{printable(name)} {found[name]:.3f}{mark}')
        if self.started:
            parts.append(f'after {duration(monotonic() - self.started)}')
        self.display.tell('  '.join(parts))

    # Test.

    def before_test_epoch(self, runner) -> None:
        self.started = monotonic()
        self.display.state.stages = [Stage('test', len(runner.test_dataloader))]
        self.display.show_bar()

    def after_test_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        done = batch_idx + 1
        left = (len(runner.test_dataloader) - done) * (monotonic() - self.started) / done
        self.display.state.left = left or None
        self._step(batch_idx)

    def _step(self, batch_idx: int) -> None:
        stage = self.display.state.stages[-1]
        stage.done = batch_idx + 1
        if stage.done == stage.total:
            stage.name = 'evaluation'  # of all predictions together, which may take long
            self.display.show_bar()
        elif self.display.is_due():
            self.display.show()


def _position(runner, iterations: int, epoch: int) -> str:
    """The current epoch, or in a run that is counted in iterations what is done."""
    return f'epoch {epoch}/{runner.max_epochs}' if counted_in_epochs(runner) else 'iteration'


def _padded_position(runner) -> str:
    """Where a validation takes place, as wide in all of them."""
    name, done, total = (
        ('epoch', runner.epoch, runner.max_epochs)
        if counted_in_epochs(runner)
        else ('iteration', runner.iter, runner.max_iters)
    )
    return f'{name} {done:>{len(str(total))}}/{total}'


def _recent(runner, name: str) -> list[float]:
    """The last values of something that is recorded in each iteration of training; none if it is not."""
    recorded = runner.message_hub.log_scalars.get(f'train/{name}')
    return [] if recorded is None else list(recorded.data[0][-_RECENT:])


def _loss_since_validation(runner) -> float | None:
    """The mean loss since the validation before, as in ``results.csv``; None if the run keeps no such table."""
    hook = hook_of(runner, ResultsHook)
    loss = hook.rows[-1].get('train/loss') if hook and hook.rows else None
    return loss if isinstance(loss, float) else None


def _figures(runner) -> list[tuple[str, str]]:
    figures = []
    if loss := _recent(runner, 'loss'):
        figures.append(('loss', f'{np.mean(loss):.3f}'))
    if rate := _recent(runner, 'lr'):
        figures.append(('lr', f'{rate[-1]:.1e}'))
    if seconds := _recent(runner, 'time'):
        # The median, because a validation or the start of workers is in one of them.
        images = runner.cfg.train_dataloader.batch_size * get_world_size()
        speed = images / max(float(np.median(seconds)), 1e-9)
        figures.append(('', f'{speed:.0f} images/s' if speed >= 10 else f'{speed:.1f} images/s'))
    if torch.cuda.is_available() and (memory := torch.cuda.max_memory_allocated()):
        figures.append(('', f'{memory / 2**30:.1f} GB'))
    return figures


def _best(runner, found: dict[str, float]) -> tuple[str, float | None, bool]:
    """What the best checkpoint is chosen by, its best value, if any, and whether the last validation has found that."""
    hook = hook_of(runner, WholeCheckpointHook)
    if hook is None or not hook.save_best:
        return next(iter(found), ''), None, False
    key = hook.key_indicators[0]
    best, step = hook.best.get(key, (None, None))
    return (
        key.removeprefix('coco/'),
        best,
        step is not None and step == (runner.epoch if hook.by_epoch else runner.iter),
    )
