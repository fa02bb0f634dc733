"""Going on with a training run: what a checkpoint holds, whether it fits this run, and how its state is taken over."""

import os
import re
from collections import defaultdict
from collections.abc import Mapping
from copy import copy, deepcopy
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from mmengine.config import Config
from mmengine.dist import get_world_size
from mmengine.hooks import EMAHook, Hook
from mmengine.logging import print_log
from mmengine.optim import AmpOptimWrapper, OptimWrapper
from mmengine.registry import HOOKS
from torch import Tensor, nn
from torch.optim import Optimizer

from ..errors import UserError, printable
from ..weights import load_from_file, trained_classes
from ..weights.loading import is_needed
from .checkpoint_hook import lacks_validation
from .distributed import main_process_first
from .resume_state import rebuild_checkpoint
from .schedule import advance
from .work_dir import checkpoints_in, newest_run

# Hyperparameters that tell families of optimizers apart: Adam's, SGD's, RMSprop's, Adadelta's, Rprop's.
_TELLING = ('betas', 'dampening', 'alpha', 'rho', 'etas')
_SAID = ('data', 'batch_size', 'processes', 'accumulate', 'lr', 'img_scale', 'amp', 'optimizer')
_PENDING = 'accumulated_gradients'


@dataclass(frozen=True)
class RunState:
    """What a checkpoint says of the run that wrote it. All of it is plain: numbers, names, shapes.

    Attributes:
        path: The file.
        epoch: Epochs done; 0 in a run counted in iterations.
        iter: Iterations done.
        by_epoch: Whether the run was counted in epochs; None if the file does not say.
        epoch_length: Iterations in one of its epochs, if the file says.
        shapes: Shape of each weight, by its key.
        whole_numbers: Keys of the weights that are whole numbers.
        classes: Names of the classes in label order, if the file says.
        moments: What the optimizer keeps of each parameter, by the parameter's number: the shape of each tensor, and
            anything else, numbers of a tensor's kind among it, as it is.
        telling: Which of the hyperparameters that tell optimizers apart it has.
        parameters: Number of parameters of the optimizer.
        pending: Batches of an accumulation that has not come to its optimizer step.
        accumulate: Batches in a whole accumulation, if any are pending.
        complete: Whether the gradients of these batches are in the file.
        seed: The run's seed, if the file says.
        run: The run's id; None in files of version 1, which had none.
        config: Name of the config, if the file says.
        settings: What else the run was started with, for comparison.
        validated: Whether the validation that was due at this checkpoint was done.
    """

    path: str
    epoch: int
    iter: int
    by_epoch: bool | None
    epoch_length: int | None
    shapes: dict[str, tuple[int, ...]]
    whole_numbers: frozenset[str]
    classes: tuple[str, ...] | None
    moments: dict[int, dict[str, Any]]
    telling: frozenset[str]
    parameters: int
    pending: int = 0
    accumulate: int = 1
    complete: bool = True
    seed: int | None = None
    run: str | None = None
    config: str | None = None
    settings: dict[str, int | float | str] = field(default_factory=dict)
    validated: bool = True

    @property
    def position(self) -> str:
        """How far the run had come, in words."""
        return f'iteration {self.iter}' if self.by_epoch is False else f'the end of epoch {self.epoch}'


def look(path: str | os.PathLike) -> RunState:
    """Read what a checkpoint says of the run that wrote it.

    Raises:
        UserError: It cannot be had or read, or is no checkpoint of a training run.
    """
    checkpoint = rebuild_checkpoint(load_from_file(path, 'cpu'), str(path))
    meta = checkpoint['meta']
    shapes = {key: tuple(value.shape) for key, value in checkpoint['state_dict'].items()}
    whole_numbers = frozenset(key for key, value in checkpoint['state_dict'].items() if not value.is_floating_point())
    optimizer = checkpoint.get('optimizer')
    try:
        groups = [dict(group) for group in optimizer['param_groups']]
        parameters = sum(len(group['params']) for group in groups)
        moments = {
            int(number): {
                name: value.shape if isinstance(value, Tensor) and value.ndim else value
                for name, value in state.items()
            }
            for number, state in optimizer['state'].items()
        }
    except (TypeError, KeyError, ValueError, AttributeError):
        raise UserError(
            f'{path} holds no state of an optimizer, as the best checkpoint of a run does not, so the run '
            "cannot be gone on with from it: use one of the run's other checkpoints, or start a new run "
            f'with --weights {path}'
        ) from None
    _check_average(checkpoint, shapes, path)
    by_epoch = meta.get('by_epoch')
    if by_epoch is None and (meta['epoch'] or meta['iter']):
        by_epoch = bool(meta['epoch'])
    pending = _pending(checkpoint, shapes, path)
    settings = {
        key: value
        for key, value in meta.get('settings', {}).items()
        if isinstance(value, int | float) or (isinstance(value, str) and value.isprintable())
    }
    name = re.fullmatch(r'([\w.-]{1,100})_\d{8}_\d{6}', meta.get('experiment_name', ''))
    return RunState(
        path=str(path),
        epoch=meta['epoch'],
        iter=meta['iter'],
        by_epoch=by_epoch,
        epoch_length=meta.get('epoch_length'),
        shapes=shapes,
        whole_numbers=whole_numbers,
        classes=trained_classes(checkpoint),
        moments=moments,
        telling=frozenset(key for key in _TELLING if groups and key in groups[0]),
        parameters=parameters,
        pending=pending.get('batches', 0),
        accumulate=pending.get('accumulate', 1),
        complete=not pending or pending['gradients'] is not None,
        seed=meta.get('seed'),
        run=meta.get('run_id'),
        config=name and name[1],
        settings=settings,
        validated=not lacks_validation(checkpoint),
    )


def _check_average(checkpoint: dict, shapes: dict[str, tuple[int, ...]], path) -> None:
    """Raise UserError if what a run with averaged weights keeps beside them is not of the same model."""
    average = checkpoint.get('ema_state_dict')
    if average is not None:
        theirs = {key: tuple(value.shape) for key, value in average.items() if key.startswith('module.')}
        if theirs != {f'module.{key}': shape for key, shape in shapes.items()}:
            raise UserError(f'{path} is damaged: beside the averaged weights it holds those of another model')


def _pending(checkpoint: dict, shapes: dict[str, tuple[int, ...]], path) -> dict:
    """The gradients that wait for their optimizer step, checked; empty if there are none."""
    pending = checkpoint.get(_PENDING)
    if pending is None:
        return {}
    try:
        counts = [pending[key] for key in ('batches', 'accumulate', 'divisor')]
        sound = all(type(count) is int and count > 0 for count in counts)
        sound = sound and type(pending['loss_scale']) is float and pending['loss_scale'] > 0
        sound = sound and all(
            isinstance(gradient, Tensor) and tuple(gradient.shape) == shapes.get(key)
            for key, gradient in (pending['gradients'] or {}).items()
        )
    except (KeyError, AttributeError, TypeError):
        sound = False
    if not sound:
        raise UserError(f'{path} is damaged: the gradients that it holds are not those of its weights')
    return pending


def find_newest(work_dir: str, hook: Mapping | None = None) -> RunState | None:
    """What the newest readable checkpoint of the newest run in a work directory says; None if there is no checkpoint.

    A run that was killed while it wrote a file leaves a damaged one: the one before it is taken then, and it is said.

    Args:
        work_dir: The folder.
        hook: Config of the hook that writes checkpoints.

    Raises:
        UserError: There are checkpoints, but none of the newest run that could be read.
    """
    paths, run = checkpoints_in(work_dir, hook), newest_run(work_dir)
    chosen, others, problems = None, [], []
    for path in paths:
        try:
            state = look(path)
        except UserError as error:
            problems.append(str(error))
            continue
        if run is not None and state.run != run:
            others.append(path)
            continue
        chosen = state
        break
    if chosen:
        for problem in problems:
            print_log(f'{problem}: the checkpoint before it is taken', logger='current')
        return chosen
    if others:
        damaged = f' ({problems[0]})' if problems else ''
        raise UserError(
            f'{work_dir} has no checkpoint of the run that was started last there{damaged}; '
            f'{others[0].name} is of an earlier run: to go on with that, use --resume {others[0]}'
        )
    if problems:
        more = f' (and {len(problems) - 1} more like it)' if len(problems) > 1 else ''
        raise UserError(f'no checkpoint in {work_dir} can be gone on with: {problems[0]}{more}')
    return None


def is_newest(state: RunState, cfg: Config) -> bool:
    """Whether a checkpoint is the one that ``--resume`` without a file would take: to go on from it is the same run."""

    def newest() -> bool:
        paths = checkpoints_in(cfg.work_dir, cfg.default_hooks.get('checkpoint'))
        if not paths or paths[0].resolve() != Path(state.path).resolve():
            return False
        try:
            return state.run == newest_run(cfg.work_dir)
        except UserError:  # the file that tells is damaged, and to name a checkpoint is the way out
            return False

    return main_process_first(newest)


def check_model(state: RunState, cfg: Config, model: nn.Module) -> None:
    """Raise UserError if a checkpoint is of another model than `model`, which has its number of classes."""
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
        key for key, value in model.state_dict().items() if value.is_floating_point() and key in state.whole_numbers
    ]
    if wrong:
        raise UserError(f'{state.path} cannot be gone on with: its {wrong[0]} has no real numbers')


def check_optimizer(state: RunState, wrapper: OptimWrapper) -> None:
    """Raise UserError if the state of an optimizer in a checkpoint cannot be taken over by this run's."""
    optimizer = wrapper.optimizer
    telling = {key for key in _TELLING if key in optimizer.param_groups[0]}
    name, said = type(optimizer).__name__, f'{state.path} cannot be gone on with'
    if telling != state.telling:
        theirs = state.settings.get('optimizer') or f'one with {", ".join(sorted(state.telling)) or "other settings"}'
        raise UserError(
            f'{said} by another optimizer: the file has the state of {theirs}, this run uses {name}; to '
            f'start a new run from its weights, use --weights {state.path}'
        )
    params = [param for group in optimizer.param_groups for param in group['params']]
    wrong = [
        number
        for number, kept in state.moments.items()
        if not 0 <= number < len(params)
        or any(value != params[number].shape for value in kept.values() if isinstance(value, torch.Size))
    ]
    if state.parameters != len(params) or wrong:
        raise UserError(
            f'{said}: its optimizer has {state.parameters} parameters, this run has {len(params)}, and '
            'they are not the same or not in the same order; use the optim_wrapper that it was written '
            f'with, or --weights {state.path}'
        )
    seen = set()
    for number, kept in state.moments.items():
        shape, kind = params[number].shape, repr(kept)
        if (shape, kind) in seen or not _steps(optimizer, shape, {}):  # another's optimizer, which needs more
            continue
        seen.add((shape, kind))
        if not _steps(optimizer, shape, kept):
            raise UserError(
                f'{said}: {name} as it is set here cannot go on from what the file keeps of parameter '
                f'{number} ({", ".join(map(str, kept)) or "nothing"}); use the optim_wrapper that it was '
                f'written with, or --weights {state.path}'
            )


def _steps(optimizer: Optimizer, shape: torch.Size, kept: dict[str, Any]) -> bool:
    """Whether an optimizer can make a step for a parameter of which it has kept this, as in :class:`RunState`."""
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
    """Raise UserError if the run that a checkpoint is of cannot be brought to the length of this one."""
    epochs, iters = cfg.train_cfg.get('max_epochs'), cfg.train_cfg.get('max_iters')
    if state.by_epoch is not None and state.by_epoch != bool(epochs):
        unit, option = ('epochs', '--epochs') if state.by_epoch else ('iterations', '--iters')
        asked = f'{epochs} epochs' if epochs else f'{iters} iterations'
        raise UserError(
            f'{state.path} is of a run counted in {unit} ({state.position}), but this run is to have '
            f'{asked}: give its length with {option} N'
        )
    done, total, unit = (state.epoch, epochs, 'epochs') if epochs else (state.iter, iters, 'iterations')
    option = '--epochs' if epochs else '--iters'
    if epochs and (
        Path(state.path).name.startswith('iter_')
        if state.epoch_length is None
        else state.iter != state.epoch * state.epoch_length
    ):
        raise UserError(
            f'{state.path} was written in the middle of an epoch (iteration {state.iter}): a run counted '
            'in epochs can only be gone on with from the end of one'
        )
    if done == total and state.validated:
        raise UserError(
            f'{state.path} is of a finished run: {done} of {total} {unit} are done; to go on, ask for more '
            f'with {option} N'
        )
    if done > total:
        raise UserError(
            f'{state.path} has come further than this run is to go: {done} {unit} are done, {total} are '
            f'asked for; use {option} N with N above {done}'
        )


def check_accumulation(state: RunState, accumulate: int) -> None:
    """Raise UserError if gradients that were being accumulated cannot be taken over."""
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
        raise UserError(f'{inside}: it can only be gone on with by a single process')
    if state.pending >= accumulate:
        raise UserError(
            f'{inside}: it cannot be gone on with by --accumulate {accumulate}; use --accumulate '
            f'{state.accumulate}, or any number above {state.pending}'
        )


def check_classes(state: RunState, cfg: Config) -> None:
    """Raise UserError if the run to go on with had other classes than the data has now."""
    ours = cfg.train_dataloader.dataset.get('metainfo', {}).get('classes')
    if state.classes and ours and state.classes != tuple(ours):
        theirs, ours = (printable(', '.join(names)) for names in (state.classes, ours))
        raise UserError(
            f'{state.path} was trained on the classes {theirs}, the data has {ours}: to start a new '
            'training from it, use --weights'
        )


def say(state: RunState, cfg: Config, settings: dict) -> None:
    """Say in one line what is gone on with and what is left, and in another which settings differ from then."""
    epochs, iters = cfg.train_cfg.get('max_epochs'), cfg.train_cfg.get('max_iters')
    left = f'{epochs - state.epoch} of {epochs} epochs' if epochs else f'{iters - state.iter} of {iters} iterations'
    print_log(f'resuming {state.path} from {state.position}: {left} left', logger='current')
    changed = [
        f'{key} {state.settings[key]} -> {settings[key]}'
        for key in _SAID
        if key in state.settings and settings.get(key) != state.settings[key]
    ]
    if changed:
        print_log(
            f'other than before: {", ".join(changed)}; learning rates are those of a run started with these settings',
            logger='current',
        )


def find_run(resume: str, cfg: Config) -> RunState | None:
    """What the checkpoint to go on with says: a file's, or with ``auto`` the newest in the work directory's, if any."""
    return main_process_first(
        lambda: find_newest(cfg.work_dir, cfg.default_hooks.get('checkpoint')) if resume == 'auto' else look(resume)
    )


@HOOKS.register_module()
class RunStateHook(Hook):
    """Writes into checkpoints what MMEngine's lack for an exact resume, and takes them over.

    MMEngine would let a checkpoint decide on learning rates, weight decay, seed and the position of schedulers,
    whatever this run was started with, and would lose the gradients of an accumulation that has not come to its step.
    Here the weights, the optimizer's moments and the position come from the file, everything else from this run's own
    config.

    Args:
        run: Id of this run.
        settings: What this run was started with, for comparison by one that goes on with it.
    """

    priority = 'HIGHEST'

    def __init__(self, run: str = '', settings: dict | None = None) -> None:
        self.run = run
        self.settings = settings or {}
        self.gradients = None

    def before_save_checkpoint(self, runner, checkpoint: dict) -> None:
        wrapper, by_epoch = runner.optim_wrapper, 'max_epochs' in runner.cfg.train_cfg
        checkpoint['meta'].update(run_id=self.run, by_epoch=by_epoch, settings=dict(self.settings))
        if by_epoch:
            checkpoint['meta']['epoch_length'] = len(runner.train_dataloader)
        schedulers = checkpoint.get('param_schedulers', [])
        for state in schedulers if isinstance(schedulers, list) else chain(*schedulers.values()):
            for name in [name for name, value in state.items() if callable(value)]:
                del state[name]  # such as OneCycleLR's own method, with which the file could not be read safely
        pending = wrapper.inner_count % wrapper._accumulative_counts
        if 'optimizer' not in checkpoint or not pending or wrapper.inner_count == wrapper._max_counts:
            return
        gradients = {
            name: param.grad.cpu() for name, param in _network(runner).named_parameters() if param.grad is not None
        }
        checkpoint[_PENDING] = dict(
            batches=pending,
            accumulate=wrapper._accumulative_counts,
            divisor=_divisor(wrapper, -1),
            loss_scale=_loss_scale(wrapper),
            gradients=gradients if get_world_size() == 1 else None,
        )

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        if not runner._resume:
            return
        meta, wrapper = checkpoint['meta'], runner.optim_wrapper
        if 'max_epochs' in runner.cfg.train_cfg:  # an epoch may have another length now
            meta['iter'] = meta['epoch'] * len(runner.train_dataloader)
        meta.pop('seed', None)
        if 'ema_state_dict' in checkpoint and not any(isinstance(hook, EMAHook) for hook in runner.hooks):
            # The file's weights are averages; the trained ones are beside them.
            average, state = checkpoint.pop('ema_state_dict'), checkpoint['state_dict']
            state.update({key: average[f'module.{key}'] for key in state})
        self.gradients = checkpoint.pop(_PENDING, None)
        done = self.gradients['batches'] if self.gradients else 0
        count, iteration = wrapper.initialize_count_status, meta['iter']

        def from_the_last_step(model: nn.Module, init_counts: int, max_counts: int) -> None:
            """Count batches from the last optimizer step: the number of iterations says nothing of it."""
            count(model, 0, done + max_counts - iteration)
            wrapper._inner_count = done

        wrapper.initialize_count_status = from_the_last_step
        checkpoint.pop('param_schedulers', None)
        if runner.param_schedulers:
            advance(runner.param_schedulers, meta['iter'])
        theirs, ours = checkpoint['optimizer'], wrapper.state_dict()
        checkpoint['optimizer'] = {**ours, 'state': theirs['state']}
        if isinstance(wrapper, AmpOptimWrapper) and wrapper._scale_update_param is None and 'loss_scaler' in theirs:
            live = {
                key: theirs['loss_scaler'][key] for key in ('scale', '_growth_tracker') if key in theirs['loss_scaler']
            }
            checkpoint['optimizer']['loss_scaler'] = {**ours['loss_scaler'], **live}

    def before_train(self, runner) -> None:
        """Put back the gradients of batches that wait for their optimizer step."""
        if not self.gradients:
            return
        wrapper, params = runner.optim_wrapper, dict(_network(runner).named_parameters())
        # In a run of another length or accumulation a batch may count for another share of a step.
        factor = self.gradients['divisor'] / _divisor(wrapper, 0) * _loss_scale(wrapper) / self.gradients['loss_scale']
        for name, gradient in self.gradients['gradients'].items():
            if name in params:  # a file of bad will names running statistics
                gradient = gradient.to(params[name])
                params[name].grad = gradient if factor == 1 else gradient * factor
        self.gradients = None


def _network(runner) -> nn.Module:
    return getattr(runner.model, 'module', runner.model)


def _divisor(wrapper: OptimWrapper, offset: int) -> int:
    """What the loss of the next batch (`offset` 0) or of the last (-1) is divided by, to be averaged over a step."""
    if wrapper.inner_count + offset < wrapper._max_counts - wrapper._remainder_counts or wrapper._max_counts == -1:
        return wrapper._accumulative_counts
    return wrapper._remainder_counts


def _loss_scale(wrapper: OptimWrapper) -> float:
    return float(wrapper.loss_scaler.get_scale()) if isinstance(wrapper, AmpOptimWrapper) else 1.0
