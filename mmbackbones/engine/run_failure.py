"""The end of a training run that has gone wrong, in words."""

from mmengine.hooks import CheckpointHook

from ..errors import RunFailed
from ..utils.paths import shown_path


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
    written = [hook.last_ckpt for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.last_ckpt]
    if not written and runner._resume:
        written = [runner._load_from]
    return f'the last good checkpoint is {shown_path(written[-1])}' if written else 'there is no checkpoint yet'


def position(runner) -> str:
    """The iteration that a run is in, and its epoch, in words."""
    iteration = f'iteration {runner.iter + 1}'
    return f'epoch {runner.epoch + 1}, {iteration}' if 'max_epochs' in runner.cfg.train_cfg else iteration
