"""Comparison of a command with the run that it resumes."""

from collections import defaultdict
from copy import copy, deepcopy
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.optim import OptimWrapper
from torch import nn
from torch.optim import Optimizer

from ...errors import UserError, printable
from ...utils.messages import tell
from ...utils.text import counted
from ...weights.loading import is_needed
from .run_state import RunState, distinctive_hyperparameters

_COMPARED = ('data', 'batch_size', 'processes', 'accumulate', 'lr', 'img_scale', 'amp', 'compile', 'optimizer', 'ema')


def check_model(state: RunState, cfg: Config, model: nn.Module) -> None:
    """Raise UserError if a checkpoint is of another model.

    Args:
        state: What the checkpoint says.
        cfg: The config, for its name in the message.
        model: The config's model, with the checkpoint's number of classes.
    """
    own = {key: tuple(value.shape) for key, value in model.state_dict().items()}
    theirs = state.config or 'another config'
    ours = f'{Path(cfg.filename or "this config").stem} ({cfg.model.type} with {cfg.model.backbone.type})'
    for key in {**own, **state.shapes}:
        if own.get(key) != state.shapes.get(key) and (key in state.shapes or is_needed(key)):
            here, there = (
                ' x '.join(map(str, shapes[key])) or 'one number' if key in shapes else 'absent'
                for shapes in (own, state.shapes)
            )
            raise UserError(
                f'{state.path} is of another model: {key} is {there} in the file, which was written by '
                f'{theirs}, and {here} in the model of {ours}; to start a new run from its weights, use '
                f'--weights {state.path}'
            )
    wrong = [
        key for key, value in model.state_dict().items() if value.is_floating_point() and key in state.integer_keys
    ]
    if wrong:
        raise UserError(f'{state.path} cannot be resumed: its {wrong[0]} holds integers, not real numbers')


def check_optimizer(state: RunState, wrapper: OptimWrapper) -> None:
    """Raise UserError if this run's optimizer cannot continue from the optimizer state in a checkpoint."""
    optimizer = wrapper.optimizer
    hyperparameters = distinctive_hyperparameters(optimizer.param_groups[0])
    name, refusal = type(optimizer).__name__, f'{state.path} cannot be resumed'
    if hyperparameters != state.hyperparameters:
        theirs = state.settings.get('optimizer')
        theirs = theirs or f'one with {", ".join(sorted(state.hyperparameters)) or "other settings"}'
        raise UserError(
            f'{refusal} with another optimizer: the file has the state of {theirs}, this run uses {name}; to '
            f'start a new run from its weights, use --weights {state.path}'
        )
    params = [param for group in optimizer.param_groups for param in group['params']]
    wrong = [
        number
        for number, kept in state.moments.items()
        if not 0 <= number < len(params)
        or any(value != params[number].shape for value in kept.values() if isinstance(value, torch.Size))
    ]
    if state.num_parameters != len(params) or wrong:
        raise UserError(
            f'{refusal}: its optimizer has {state.num_parameters} parameters, that of this run {len(params)}, and '
            'they differ in shape or order; use the optim_wrapper that it was written with, or '
            f'--weights {state.path}'
        )
    seen = set()
    for number, kept in state.moments.items():
        shape, kind = params[number].shape, repr(kept)
        if (shape, kind) in seen or not _can_step(optimizer, shape, {}):  # a third-party one, which needs more
            continue
        seen.add((shape, kind))
        if not _can_step(optimizer, shape, kept):
            raise UserError(
                f'{refusal}: {name} with these settings cannot continue from what the file keeps of parameter '
                f'{number} ({", ".join(map(str, kept)) or "nothing"}); use the optim_wrapper that it was '
                f'written with, or --weights {state.path}'
            )


def _can_step(optimizer: Optimizer, shape: torch.Size, kept: dict[str, Any]) -> bool:
    """Whether an optimizer can step a parameter of `shape` from these moments, given as in :class:`RunState`."""
    param = nn.Parameter(torch.zeros(shape))
    param.grad = torch.zeros(shape)
    state = {name: torch.zeros(value) if isinstance(value, torch.Size) else value for name, value in kept.items()}
    try:
        twin = copy(optimizer)
        twin.param_groups, twin.state = [{**optimizer.param_groups[0], 'params': [param]}], defaultdict(dict)
        twin.load_state_dict({**twin.state_dict(), 'state': {0: deepcopy(state)} if state else {}})
        twin.step()
    except Exception:  # each optimizer fails in its own way
        return False
    return bool(param.isfinite().all())


def check_length(state: RunState, cfg: Config) -> None:
    """Raise UserError if a checkpoint's position and the length of this run do not fit together."""
    epochs, iters = cfg.train_cfg.get('max_epochs'), cfg.train_cfg.get('max_iters')
    if state.by_epoch is not None and state.by_epoch != bool(epochs):
        unit, option = ('epochs', '--epochs') if state.by_epoch else ('iterations', '--iters')
        asked = counted(epochs, 'epoch') if epochs else counted(iters, 'iteration')
        raise UserError(
            f'{state.path} is of a run counted in {unit} ({state.position}), but this run is to take '
            f'{asked}: give its length with {option} N'
        )
    if epochs and state.epoch_length is None and Path(state.path).name.startswith('iter_'):
        raise UserError(
            f'{state.path} was written in the middle of an epoch (iteration {state.iter}), and does not say where in '
            'the epoch that is: use a checkpoint from the end of one'
        )
    loop = cfg.train_cfg.get('type', 'EpochBasedTrainLoop')
    if state.begun and loop not in ('EpochBasedTrainLoop', 'PositionedEpochLoop'):
        raise UserError(
            f'{state.path} is from the middle of an epoch ({state.position}), and the {loop} of this config begins an '
            'epoch anew: use a checkpoint from the end of one'
        )
    if not 0 <= state.begun <= (state.epoch_length or 0):
        raise UserError(
            f'{state.path} is damaged: iteration {state.iter} is not in epoch {state.epoch + 1} of a run with '
            f'{state.epoch_length} iterations an epoch'
        )
    done, total, unit = (state.epoch, epochs, 'epochs') if epochs else (state.iter, iters, 'iterations')
    option = '--epochs' if epochs else '--iters'
    if done == total and state.validated and not state.begun:
        raise UserError(
            f'{state.path} is of a finished run: {done} of {total} {unit} are done; to train longer, use '
            f'{option} N with N above {done}'
        )
    if done > total or (done == total and state.begun):
        where = f'it is at {state.position}' if state.begun else f'{done} {unit} are done'
        raise UserError(
            f'{state.path} is past the end of this run: {where}, {total} are asked for; use {option} N with N above '
            f'{done}'
        )


def check_early_stop(state: RunState, cfg: Config) -> None:
    """Raise UserError if the run that wrote a checkpoint has ended because it no longer got better."""
    patience = (cfg.default_hooks.get('early_stop') or {}).get('patience')
    if patience and state.waited >= patience:
        waited = f'{counted(state.waited, "validation")} in a row found no better figure'
        raise UserError(
            f'{state.path} is of a finished run: {waited}, and --early-stop {patience} ends it there; to train longer, '
            f'use --early-stop N with N above {state.waited}, or leave it out'
        )


def check_accumulation(state: RunState, accumulate: int) -> None:
    """Raise UserError if the gradients that a checkpoint was accumulating cannot be used.

    Args:
        state: What the checkpoint says.
        accumulate: Batches per optimizer step of this run.
    """
    if not state.pending:
        return
    inside = (
        f'{state.path} was written in the middle of an accumulation, after {state.pending} of {state.accumulate} '
        'batches'
    )
    if not state.complete:
        raise UserError(
            f'{inside}, by several processes, whose gradients are not in it: use a checkpoint that was '
            'written at the end of one'
        )
    if get_world_size() > 1:
        raise UserError(f'{inside}: only a single process can resume it')
    if state.pending >= accumulate:
        raise UserError(
            f'{inside}: it cannot be resumed with --accumulate {accumulate}; use --accumulate '
            f'{state.accumulate}, or any number above {state.pending}'
        )


def check_classes(state: RunState, cfg: Config) -> None:
    """Raise UserError if the classes of the data are not those of the checkpoint."""
    ours = cfg.train_dataloader.dataset.get('metainfo', {}).get('classes')
    if state.classes and ours and state.classes != tuple(ours):
        theirs, ours = (printable(', '.join(names)) for names in (state.classes, ours))
        raise UserError(
            f'{state.path} was trained on the classes {theirs}, the data has {ours}: to start a new '
            f'run from its weights, use --weights {state.path}'
        )


def log_resume(state: RunState, cfg: Config, settings: dict) -> None:
    """Log which checkpoint is resumed and what is left to do, and which settings have changed.

    Args:
        state: What the checkpoint says.
        cfg: The config.
        settings: Those of this run, as :class:`RunStateHook` stores them.
    """
    epochs, iters = cfg.train_cfg.get('max_epochs'), cfg.train_cfg.get('max_iters')
    begun = state.begun / state.epoch_length if state.epoch_length else 0
    left = (
        f'{round(epochs - state.epoch - begun, 2):g} of {epochs} epochs'
        if epochs
        else f'{iters - state.iter} of {iters} iterations'
    )
    tell(f'resuming {state.path} from {state.position}: {left} left')
    changed = [
        f'{key} {state.settings[key]} -> {settings[key]}'
        for key in _COMPARED
        if key in state.settings and settings.get(key) != state.settings[key]
    ]
    if changed:
        tell(
            f'changed settings: {", ".join(changed)}; learning rates are those of a run started with these settings',
        )
