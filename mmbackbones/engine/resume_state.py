"""What a training run that goes on takes from a checkpoint: plain numbers, names and tensors, each looked at first.

MMEngine takes far more. It executes the text under ``meta['config']``, removes whatever ``best_ckpt`` and
``keep_ckpt_ids`` name once a better checkpoint comes, and sets any attribute that a scheduler's state names. So a
checkpoint is rebuilt from a list of what is needed before MMEngine reads anything of it, and nothing else gets through.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial

import numpy as np
import torch
from mmengine.hooks import Hook
from mmengine.logging import HistoryBuffer
from mmengine.optim import _ParamScheduler
from mmengine.registry import HOOKS
from torch import Tensor

from ..errors import UserError
from ..weights import find_state_dict, trained_classes

_DEEPEST = 16  # containers inside one another; an optimizer's state has 4
_LARGEST = 200_000  # values in one part: containers that hold one another many times over have billions


def rebuild_checkpoint(checkpoint, file: str) -> dict:
    """A checkpoint of MMEngine made anew of what a training run needs to go on, everything else left behind.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` read.
        file: Its name, for messages.

    Returns:
        ``meta`` with ``epoch``, ``iter``, and if the file has them ``dataset_meta`` (the classes alone) and what
        :data:`META` names; ``state_dict``; ``message_hub`` with the logged numbers and the best scores; and of
        :data:`PARTS` what the file has. There is no path in it, and what MMEngine executes or formats is left behind.

    Raises:
        UserError: The file is no checkpoint of a training run, or holds something that none could have left there.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    if not isinstance(meta, Mapping) or meta.get('epoch') is None or meta.get('iter') is None:
        raise UserError(
            f'{file} holds weights, but no training run to go on with: to start one from them, use --weights {file}'
        )
    rebuilt = dict(
        meta=_meta(checkpoint, file),
        state_dict=_state_dict(checkpoint, file),
        message_hub=_message_hub(checkpoint.get('message_hub')),
    )
    for name, rebuild in PARTS.items():
        if name in checkpoint:
            try:
                rebuilt[name] = rebuild(checkpoint[name])
            except ValueError as error:
                raise UserError(f'{file} cannot be resumed: its {name!r} {error}') from error
    return rebuilt


@HOOKS.register_module()
class RebuildCheckpointHook(Hook):
    """Rebuilds the checkpoint that a training run is to go on from before MMEngine reads anything of it."""

    priority = 'HIGHEST'

    def after_load_checkpoint(self, runner, checkpoint: dict) -> None:
        rebuilt = rebuild_checkpoint(checkpoint, runner.cfg.load_from)
        metainfo = getattr(runner.train_dataloader.dataset, 'metainfo', {})
        theirs = rebuilt['meta'].get('dataset_meta', {}).get('classes')
        if theirs and theirs == tuple(metainfo.get('classes') or ()):
            rebuilt['meta']['dataset_meta'] = metainfo  # MMEngine warns if they are not the same to the last byte
        checkpoint.clear()
        checkpoint.update(rebuilt)


def plain(value, finite: bool = True):
    """A copy of `value` that is made of numbers, text, dense tensors and plain containers only.

    Raises:
        ValueError: There is anything else in it, or, with `finite`, a number that is not; the message goes on after
            the name of what was looked at.
    """
    values = 0

    def copy(node, depth):
        nonlocal values
        values += 1
        if depth > _DEEPEST or values > _LARGEST:
            raise ValueError('holds containers inside one another without end')
        if isinstance(node, dict):
            if wrong := [key for key in dict.keys(node) if type(key) not in (str, int)]:
                raise ValueError(f'has a key that is a {type(wrong[0]).__name__}, neither text nor a whole number')
            return {key: copy(item, depth + 1) for key, item in dict.items(node)}
        if isinstance(node, list | tuple):
            return (list if isinstance(node, list) else tuple)(copy(item, depth + 1) for item in node)
        if isinstance(node, np.bool_ | np.number) and not isinstance(node, float | complex):
            node = node.item()
        if isinstance(node, Tensor) and node.layout == torch.strided and not node.is_quantized and not node.is_meta:
            if finite and node.is_floating_point() and not node.isfinite().all():
                raise ValueError('holds numbers that are not finite')
            return node
        if isinstance(node, float):
            if finite and not math.isfinite(node):
                raise ValueError('holds numbers that are not finite')
            return float(node)
        if node is None or type(node) in (bool, int, str):
            return node
        raise ValueError(f'holds a {type(node).__name__}, which is no plain number, text or tensor')

    return copy(value, 0)


def _meta(checkpoint: Mapping, file: str) -> dict:
    given, meta = checkpoint['meta'], {}
    for name, rebuild in META.items():
        if given.get(name) is not None:
            try:
                meta[name] = rebuild(given[name])
            except ValueError as error:
                raise UserError(f'{file} cannot be resumed: its {name!r} {error}') from error
    if classes := trained_classes(checkpoint):
        meta['dataset_meta'] = dict(classes=classes)
    return meta


def _shown(value) -> str:
    """A value from a file, short and without what could act on a terminal."""
    if type(value) in (int, np.int64):
        return str(value) if abs(value) < 10**20 else 'a number of more than 20 digits'
    if type(value) in (bool, float):
        return repr(value)
    return ascii(value[:40]) if isinstance(value, str) else f'a {type(value).__name__}'


def _count(largest: int) -> Callable:
    def count(given) -> int:
        if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given <= largest:
            raise ValueError(f'is {_shown(given)}, and must be a whole number from 0 to {largest}')
        return int(given)

    return count


def _flag(given) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f'is {_shown(given)}, and must be true or false')
    return given


def _name(given) -> str:
    """A short text; an empty one for anything else, which is not worth a refusal."""
    return str(given) if _is_name(given) else ''


def _notes(given) -> dict:
    """Numbers and texts under names; what could act on a terminal or be no file's name is left out."""

    def clean(node):
        if isinstance(node, dict):
            return {key: clean(value) for key, value in node.items() if _is_shown(key) and _is_shown(value)}
        if isinstance(node, list | tuple):
            return type(node)(clean(value) for value in node if _is_shown(value))
        return node

    copy = plain(given, finite=False)
    return clean(copy) if isinstance(copy, dict) else {}


def _is_shown(value) -> bool:
    return not isinstance(value, str) or value.isprintable()


def _state_dict(checkpoint: Mapping, file: str) -> OrderedDict:
    given = checkpoint.get('state_dict')
    state = OrderedDict(find_state_dict({'state_dict': given} if isinstance(given, Mapping) else {}, file))
    # The version of each module's layout, by which some heads of MMDetection know older names.
    versions = getattr(given, '_metadata', None)
    state._metadata = (
        OrderedDict(
            (name, {'version': entry['version']})
            for name, entry in (versions or {}).items()
            if isinstance(name, str) and isinstance(entry, dict) and isinstance(entry.get('version'), int)
        )
        if isinstance(versions, dict)
        else OrderedDict()
    )
    return state


def _message_hub(given) -> dict:
    """The logged numbers and the best scores; whatever else, paths and texts among them, is left behind."""
    given = given if isinstance(given, Mapping) else {}
    scalars, infos = given.get('log_scalars'), given.get('runtime_info')
    histories = (
        {key: _history(value) for key, value in scalars.items() if _is_name(key)}
        if isinstance(scalars, Mapping)
        else {}
    )
    histories = {key: value for key, value in histories.items() if value is not None}
    best = (
        {
            key: float(value)
            for key, value in infos.items()
            if _is_name(key) and key.startswith('best_score') and _is_number(value)
        }
        if isinstance(infos, Mapping)
        else {}
    )
    return dict(log_scalars=histories, runtime_info=best, resumed_keys=dict.fromkeys([*histories, *best], True))


def _is_name(key) -> bool:
    return isinstance(key, str) and key.isprintable() and 0 < len(key) < 200


def _is_number(value) -> bool:
    return (
        isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool) and abs(value) < 1e300
    )


def _history(given) -> HistoryBuffer | None:
    """A history of logged numbers, of the numbers alone."""
    if not isinstance(given, HistoryBuffer):
        return None
    numbers, counts = vars(given).get('_log_history'), vars(given).get('_count_history')
    for array in (numbers, counts):
        if not isinstance(array, np.ndarray) or array.ndim != 1 or not len(array) or array.dtype.kind not in 'iuf':
            return None
    return HistoryBuffer(numbers, counts) if len(numbers) == len(counts) else None


def _optimizer(given) -> dict:
    """The state of an optimizer, or of several under their names."""
    copy = plain(given)
    if not isinstance(copy, dict):
        raise ValueError(f'is a {type(given).__name__}, not the state of an optimizer')
    for state in [copy] if 'param_groups' in copy else copy.values():
        if (
            not isinstance(state, dict)
            or not isinstance(state.get('state'), dict)
            or not all(isinstance(entry, dict) for entry in state['state'].values())
        ):
            raise ValueError('is not the state of an optimizer')
        groups = state.get('param_groups')
        if not isinstance(groups, list) or not all(isinstance(group, dict) for group in groups):
            raise ValueError('has no list of parameter groups')
        for group in groups:
            params, rate = group.get('params'), group.get('lr')
            if not isinstance(params, list) or not all(type(index) is int for index in params):
                raise ValueError('has parameter groups that do not count their parameters')
            if not _is_number(rate) and not (isinstance(rate, Tensor) and rate.numel() == 1):
                raise ValueError(f'has a learning rate of {_shown(rate)}')
    return copy


def _schedulers(given):
    """The states of the learning rate schedulers, in a list, or in several lists under the optimizers' names."""
    copy = plain(given, finite=False)  # the best value of one that waits for a metric begins with infinity
    lists = copy.values() if isinstance(copy, dict) else [copy]
    if not all(isinstance(states, list) and all(isinstance(state, dict) for state in states) for states in lists):
        raise ValueError(f'is a {type(given).__name__}, not a list of the states of schedulers')
    for state in (state for states in lists for state in states):
        for name, value in state.items():
            # MMEngine sets each as an attribute; none may stand in the place of a method or of the optimizer.
            if not isinstance(name, str) or name == 'optimizer' or hasattr(_ParamScheduler, name):
                raise ValueError(f'names something else than numbers of a scheduler: {_shown(name)}')
            if name in ('last_step', '_global_step') and type(value) is not int:
                raise ValueError(f'has {name} = {_shown(value)}, and it must be a whole number')
            if name not in ('best', 'rule_worse'):
                plain(value)
    return copy


def _average(given) -> dict:
    """What a run with averaged weights keeps beside them: the trained weights, and a count of steps."""
    copy = plain(given)
    if not isinstance(copy, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) and (key.startswith('module.') or value.ndim == 0)
        for key, value in copy.items()
    ):
        raise ValueError('is not what a run with averaged weights keeps')
    return copy


# What a run goes on with: name in the file -> function that makes it anew, or raises ValueError. In ``meta`` ...
META = {
    'epoch': _count(2**53),
    'iter': _count(2**53),
    'seed': _count(2**32 - 1),  # NumPy takes no larger one
    'epoch_length': _count(2**53),
    'by_epoch': _flag,
    'run_id': _name,
    'experiment_name': _name,
    'settings': _notes,
}
# ... and beside it.
PARTS = {
    'optimizer': _optimizer,
    'param_schedulers': _schedulers,
    'accumulated_gradients': partial(plain, finite=False),  # of half precision, which leaves out such a step
    'ema_state_dict': _average,
    'record': _notes,
}
