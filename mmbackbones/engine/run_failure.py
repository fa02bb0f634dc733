"""The end of a training run that has gone wrong, in words."""

from ..errors import RunFailed
from ..utils.paths import shown_path
from .runner_facts import counted_in_epochs, last_checkpoint


def run_failed(message: str) -> RunFailed:
    """An error that all processes of a run raise.

    Args:
        message: One sentence, without a full stop.
    """
    error = RunFailed(message)
    error.on_all_processes = True
    return error


def last_good_checkpoint(runner) -> str:
    """The checkpoint to go back to, in words."""
    last = last_checkpoint(runner)
    return f'the last good checkpoint is {shown_path(last)}' if last else 'there is no checkpoint yet'


def position(runner) -> str:
    """The iteration that a run is in, and its epoch, in words."""
    iteration = f'iteration {runner.iter + 1}'
    return f'epoch {runner.epoch + 1}, {iteration}' if counted_in_epochs(runner) else iteration
