"""Resuming a training run.

In order: :func:`find_run` reads the checkpoint, once; the ``check_*`` functions compare what it says with the command;
:class:`ResumingRunner` takes the content that was read; its hooks rebuild that from what is safe to use, and take over
the state.
"""

from .comparison import (
    check_accumulation,
    check_classes,
    check_early_stop,
    check_length,
    check_model,
    check_optimizer,
    log_resume,
)
from .find import find_newest, find_run, is_newest
from .hooks import RebuildCheckpointHook, RunStateHook
from .rebuild import rebuild_checkpoint
from .run_state import RunState, read_run_state
from .runner import ResumingRunner

__all__ = [
    'RebuildCheckpointHook',
    'ResumingRunner',
    'RunState',
    'RunStateHook',
    'check_accumulation',
    'check_classes',
    'check_early_stop',
    'check_length',
    'check_model',
    'check_optimizer',
    'find_newest',
    'find_run',
    'is_newest',
    'log_resume',
    'read_run_state',
    'rebuild_checkpoint',
]
