"""The end of a training run by Ctrl-C or SIGTERM: it is saved first."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from signal import SIGINT, SIGTERM

from mmengine.dist import get_world_size, is_distributed
from mmengine.hooks import Hook
from mmengine.runner import Runner

from ..errors import Terminated, interruption
from ..utils.command import command_line
from ..utils.messages import tell
from ..utils.paths import shown_path
from ..utils.progress import is_terminal
from ..utils.signals import receiving, terminate
from .checkpoints.hook import WholeCheckpointHook, can_be_saved
from .compilation import compiles, while_compiling
from .finite_loss import agreement_of, finish_loss_check
from .processes.agreement import Agreement
from .runner_facts import counted_in_epochs, hook_of, last_checkpoint

_STOP = 'stop'  # what the processes call it that one of them got a signal; the number is that of the signal
_NAMES = {int(SIGINT): 'Ctrl-C', int(SIGTERM): 'SIGTERM'}


class _Stop(KeyboardInterrupt):
    """The end of a run at a position, in all processes.

    Attributes:
        signal: Number of the signal.
        epoch: Completed epochs.
        iteration: Completed iterations.
        validating: Whether a validation was cut off.
    """

    def __init__(self, signal: int, epoch: int, iteration: int, validating: bool = False) -> None:
        super().__init__()
        self.signal, self.epoch, self.iteration, self.validating = signal, epoch, iteration, validating


class StopHook(Hook):
    """Ends a run after the iteration, or the batch of a validation, in which a signal came.

    Before the first iteration, when there is nothing to save, a signal ends the run where it is, also in a first one
    that waits for minutes while the backbone is compiled; the second signal does so at any time. With several
    processes, all end after the same iteration, whichever of them got the signal.

    Args:
        agreement: By which the processes of the run agree.
    """

    priority = 'LOWEST'  # when all others have seen the iteration

    def __init__(self, agreement: Agreement) -> None:
        self.agreement = agreement
        self.agreement.ask(_STOP, lambda: self.signal)
        self.training = False  # or validating
        self.signal = 0  # that came while training

    def receive(self, number: int) -> None:
        """Take note of a signal, or end the run now."""
        if self.training and not self.signal:
            self.signal = number
            if number == SIGINT and is_terminal(sys.stderr):
                # Not through print, which may be at work.
                os.write(sys.stderr.fileno(), b'\nstopping after this iteration; Ctrl-C again does not wait for it\n')
            return
        self.end(number)

    def end(self, number: int) -> None:
        """End the run now, by the signal of this number."""
        self.training = False
        if number == SIGINT:
            raise KeyboardInterrupt
        terminate(number)

    def before_train_iter(self, runner, batch_idx, data_batch=None) -> None:
        self.training = self.training or not compiles(runner.cfg)

    def before_val_epoch(self, runner) -> None:
        self.training = True

    def after_train_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        self.training = True
        if not (counted_in_epochs(runner) and self.end_of_epoch(runner.train_dataloader, batch_idx)):
            self._stop_if_asked(runner, runner.epoch, runner.iter + 1)

    def after_train_epoch(self, runner) -> None:
        if counted_in_epochs(runner):
            finish_loss_check(runner)  # and learn what was agreed on in the last iteration
            self._stop_if_asked(runner, runner.epoch + 1, runner.iter)

    def after_val_iter(self, runner, batch_idx, data_batch=None, outputs=None) -> None:
        # The processes may have different numbers of batches.
        shared = len(runner.val_dataloader.dataset) // get_world_size() // (runner.val_dataloader.batch_size or 1)
        if not is_distributed() or batch_idx < shared:
            self.agreement.agree_now(_STOP)
            self._stop_if_asked(runner, runner.epoch, runner.iter, validating=True)

    def after_val_epoch(self, runner, metrics=None) -> None:
        self.agreement.agree_now(_STOP)
        self._stop_if_asked(runner, runner.epoch, runner.iter)

    def _stop_if_asked(self, runner, epoch: int, iteration: int, validating: bool = False) -> None:
        number = self.agreement.number(_STOP)
        if number and can_be_saved(runner):
            raise _Stop(number, epoch, iteration, validating)


@contextmanager
def stopping(runner: Runner) -> Iterator[None]:
    """Within the block, in which a runner trains, Ctrl-C and SIGTERM save the run and end it.

    Raises:
        KeyboardInterrupt: It was Ctrl-C; with the sentence that was told if the run was saved.
        Terminated: It was SIGTERM; with the exit code 0 if the run was saved.
    """
    hook = StopHook(agreement_of(runner))
    runner.register_hook(hook)
    try:
        with receiving(hook.receive, SIGINT, SIGTERM):
            try:
                yield
            except _Stop as stop:
                number, said = stop.signal, _save(runner, stop)
            else:
                number, said = hook.agreement.agree_now(_STOP), 'the training run is finished'
    except BaseException as error:
        # Ctrl-C and `timeout` also signal the compiler that a compiled backbone waits for.
        cut_off = hook.signal and not interruption(error) and while_compiling(error)
        if (cut_off or interruption(error)) and (kept := what_is_kept(runner)):
            tell(kept)
        if cut_off:
            hook.end(hook.signal)
        raise
    if number:
        said = f'stopped by {_NAMES[number]}: {said}'
        tell(said)
        raise (KeyboardInterrupt(said) if number == SIGINT else Terminated(0)) from None


def _save(runner: Runner, stop: _Stop) -> str:
    """Save a run where it was stopped; returns what to say of it."""
    place = 'in a validation' if stop.validating else f'after iteration {stop.iteration}'
    hook = hook_of(runner, WholeCheckpointHook)
    if hook is None:
        return f'the run ends {place}, and nothing is saved, because the config asks for no checkpoints'
    hook.save_passing(runner, stop.epoch, stop.iteration)
    path = shown_path(last_checkpoint(runner) or '')
    return f'the run ends {place}, {path} is saved, and {_how_to_resume()} continues from there'


def what_is_kept(runner: Runner, failed: str | None = None) -> str | None:
    """What is left of a run that ends before it was to, as a sentence; None: there is no checkpoint.

    Args:
        runner: The runner.
        failed: The file that could not be written, which is the checkpoint where its record was to be renewed.
    """
    last = last_checkpoint(runner)
    if not last or not last.is_file():
        return None
    name = 'what it held before' if failed and shown_path(failed) == shown_path(last) else shown_path(last)
    return f'{name} is kept: {_how_to_resume()} continues from there'


def _how_to_resume() -> str:
    return 'the same command with --resume' if command_line() else "the same call with resume='auto'"
