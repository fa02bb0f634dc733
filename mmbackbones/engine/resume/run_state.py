"""The state of the training run that wrote a checkpoint, as far as a command can be compared with it."""

import os
import re
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ...errors import UserError
from ...weights import load_from_file, trained_classes
from ..averaged_weights import AVERAGE
from ..checkpoints.record import lacks_validation, read_record
from ..label_options import LabelOptions, trained_labels
from .rebuild import rebuild_checkpoint

# Hyperparameters that tell families of optimizers apart: Adam's, SGD's, RMSprop's, Adadelta's, Rprop's.
_DISTINCTIVE = ('betas', 'dampening', 'alpha', 'rho', 'etas')
PENDING = 'accumulated_gradients'  # where a checkpoint keeps the gradients that wait for their optimizer step


@dataclass
class RunState:
    """What a checkpoint says of the run that wrote it: numbers, names and shapes.

    Attributes:
        path: The file.
        epoch: Completed epochs; 0 in a run counted in iterations.
        iter: Completed iterations, those of an unfinished epoch among them.
        by_epoch: Whether the run was counted in epochs; None if the file does not say.
        epoch_length: Iterations per epoch, if the file says.
        shapes: Shape of each weight, by key.
        integer_keys: Keys of the weights that are integers.
        classes: Class names in label order, if the file says.
        labels: How the run read label maps, as :func:`~mmbackbones.engine.label_options.trained_labels` returns it.
        moments: What the optimizer keeps of each parameter, by the parameter's number: the shape of each tensor;
            everything else, scalar tensors included, as it is.
        hyperparameters: Which of the hyperparameters that tell optimizers apart its optimizer has.
        num_parameters: Number of parameters of the optimizer.
        pending: Accumulated batches whose optimizer step is still to come.
        accumulate: Batches per optimizer step, if any are pending.
        complete: Whether the gradients of the pending batches are in the file.
        seed: The run's seed, if the file says.
        run: The run's id; None in files of version 1, which had none.
        config: Name of the config, if the file says.
        settings: Further settings of the run, for comparison.
        validated: Whether the validation that was due at this checkpoint was completed.
        waited: Validations in a row that found no better figure.
        checkpoint: Content of the file, until :meth:`take_checkpoint` hands it on; only in the process that read it.
    """

    path: str
    epoch: int
    iter: int
    by_epoch: bool | None
    epoch_length: int | None
    shapes: dict[str, tuple[int, ...]]
    integer_keys: frozenset[str]
    classes: tuple[str, ...] | None
    labels: LabelOptions
    moments: dict[int, dict[str, Any]]
    hyperparameters: frozenset[str]
    num_parameters: int
    pending: int = 0
    accumulate: int = 1
    complete: bool = True
    seed: int | None = None
    run: str | None = None
    config: str | None = None
    settings: dict[str, int | float | str] = field(default_factory=dict)
    validated: bool = True
    waited: int = 0
    checkpoint: dict | None = field(default=None, repr=False)

    @property
    def position(self) -> str:
        """How far the run had come, in words."""
        if self.by_epoch is False:
            return f'iteration {self.iter}'
        if self.begun:
            return f'iteration {self.begun} of {self.epoch_length} in epoch {self.epoch + 1}'
        return f'the end of epoch {self.epoch}'

    @property
    def begun(self) -> int:
        """Completed iterations of an epoch that was not completed; 0 if the file does not say how long epochs are."""
        return self.iter - self.epoch * self.epoch_length if self.by_epoch and self.epoch_length else 0

    def take_checkpoint(self) -> dict | None:
        """Hand on the content of the file, so that nobody reads it again; None if it is not here, or was taken."""
        checkpoint, self.checkpoint = self.checkpoint, None
        return checkpoint

    def __getstate__(self) -> dict:
        # Other processes are told the facts; each reads the weights itself rather than through the process group.
        return {**vars(self), 'checkpoint': None}


def read_run_state(path: str | os.PathLike) -> RunState:
    """Read a checkpoint of a training run.

    Raises:
        UserError: The file cannot be read, or holds no training run.
    """
    content = load_from_file(path, 'cpu')
    checkpoint = rebuild_checkpoint(content, str(path))
    meta = checkpoint['meta']
    shapes = {key: tuple(value.shape) for key, value in checkpoint['state_dict'].items()}
    moments, hyperparameters, num_parameters = _optimizer_state(checkpoint, path)
    _check_average(checkpoint, shapes, path)
    by_epoch = meta.get('by_epoch')
    if by_epoch is None and (meta['epoch'] or meta['iter']):
        by_epoch = bool(meta['epoch'])
    pending = _pending_gradients(checkpoint, shapes, path)
    name = re.fullmatch(r'([\w.-]{1,100})_\d{8}_\d{6}', meta.get('experiment_name', ''))
    return RunState(
        path=str(path),
        epoch=meta['epoch'],
        iter=meta['iter'],
        by_epoch=by_epoch,
        epoch_length=meta.get('epoch_length'),
        shapes=shapes,
        integer_keys=frozenset(key for key, value in checkpoint['state_dict'].items() if not value.is_floating_point()),
        classes=trained_classes(checkpoint),
        labels=trained_labels(content),
        moments=moments,
        hyperparameters=hyperparameters,
        num_parameters=num_parameters,
        pending=pending.get('batches', 0),
        accumulate=pending.get('accumulate', 1),
        complete=not pending or pending['gradients'] is not None,
        seed=meta.get('seed'),
        run=meta.get('run_id'),
        config=name and name[1],
        settings={
            key: value
            for key, value in meta.get('settings', {}).items()
            if isinstance(value, int | float) or (isinstance(value, str) and value.isprintable())
        },
        validated=not lacks_validation(checkpoint),
        waited=read_record(checkpoint).waited,
        checkpoint=content,
    )


def distinctive_hyperparameters(group: dict) -> frozenset[str]:
    """Which of the hyperparameters that tell optimizers apart a parameter group has."""
    return frozenset(key for key in _DISTINCTIVE if key in group)


def _optimizer_state(
    checkpoint: dict, path: str | os.PathLike
) -> tuple[dict[int, dict[str, Any]], frozenset[str], int]:
    """``moments``, ``hyperparameters`` and ``num_parameters`` of a :class:`RunState`."""
    optimizer = checkpoint.get('optimizer', {})
    try:
        groups = [dict(group) for group in optimizer['param_groups']]
        moments = {
            int(number): {
                name: value.shape if isinstance(value, Tensor) and value.ndim else value
                for name, value in state.items()
            }
            for number, state in optimizer['state'].items()
        }
        hyperparameters = distinctive_hyperparameters(groups[0] if groups else {})
        return moments, hyperparameters, sum(len(group['params']) for group in groups)
    except (TypeError, KeyError, ValueError, AttributeError):
        raise UserError(
            f'{path} holds no optimizer state (the best checkpoint of a run never does), so the run cannot be '
            f"resumed from it: use one of the run's other checkpoints, or start a new run with --weights {path}"
        ) from None


def _check_average(checkpoint: dict, shapes: dict[str, tuple[int, ...]], path: str | os.PathLike) -> None:
    """Raise UserError if the trained weights that a run with averaged weights keeps are of another model."""
    average = checkpoint.get(AVERAGE)
    if average is not None:
        theirs = {key: tuple(value.shape) for key, value in average.items() if key.startswith('module.')}
        if theirs != {f'module.{key}': shape for key, shape in shapes.items()}:
            raise UserError(f'{path} is damaged: the weights beside its averaged weights are of another model')


def _pending_gradients(checkpoint: dict, shapes: dict[str, tuple[int, ...]], path: str | os.PathLike) -> dict:
    """The gradients that wait for their optimizer step, checked; empty if there are none."""
    pending = checkpoint.get(PENDING)
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
        raise UserError(f'{path} is damaged: its accumulated gradients are not those of its weights')
    return pending
