"""What is asked of a runner again and again: which hook it has, how its run is counted, and what that has written."""

from pathlib import Path
from typing import TypeVar

from mmengine.hooks import CheckpointHook, Hook
from mmengine.model import is_model_wrapper
from torch import nn

AnyHook = TypeVar('AnyHook', bound=Hook)


def hook_of(runner, kind: type[AnyHook]) -> AnyHook | None:
    """The hook of a kind, the first one by priority; None if the runner has none."""
    return next((hook for hook in runner.hooks if isinstance(hook, kind)), None)


def counted_in_epochs(runner) -> bool:
    """Whether the length of a training run is a number of epochs, not of iterations."""
    return 'max_epochs' in runner.cfg.train_cfg


def completed(runner) -> int:
    """Completed epochs, or iterations in a run that is counted in these."""
    return runner.epoch if counted_in_epochs(runner) else runner.iter


def network_of(runner) -> nn.Module:
    """The model without its wrapper for several processes."""
    return runner.model.module if is_model_wrapper(runner.model) else runner.model


def last_checkpoint(runner) -> Path | None:
    """The checkpoint that was written last; the resumed one if none was written since; None: there is none."""
    written = [hook.last_ckpt for hook in runner.hooks if isinstance(hook, CheckpointHook) and hook.last_ckpt]
    if not written and runner._resume:
        written = [runner._load_from]
    return Path(written[-1]).absolute() if written else None
