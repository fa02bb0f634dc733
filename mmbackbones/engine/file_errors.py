"""Files that cannot be read or written, before and during a training run: one sentence each."""

from collections.abc import Iterator
from contextlib import contextmanager

from mmengine.runner import Runner

from ..errors import RunFailed, UserError, summarize_error
from ..utils.paths import shown_path
from .stop_signals import what_is_kept


@contextmanager
def file_errors_as_user_errors() -> Iterator[None]:
    """Before training starts, a file that cannot be read or written is a mistake that the user can fix."""
    try:
        yield
    except OSError as error:
        raise UserError(f'{error.filename}: {error.strerror}' if error.filename else summarize_error(error)) from error


@contextmanager
def file_errors_as_failures(runner: Runner) -> Iterator[None]:
    """When a file cannot be read or written during training, say what is kept of the run."""
    try:
        yield
    except OSError as error:
        told = f'{shown_path(error.filename)}: {error.strerror}' if error.filename else summarize_error(error)
        raise RunFailed(f'{told}; {what_is_kept(runner, error.filename) or "there is no checkpoint yet"}') from error
