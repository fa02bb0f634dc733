"""Checkpoints of training runs, rebuilt from what a resume needs: numbers, names and tensors, all of them checked.

MMEngine takes far more. It executes the text under ``meta['config']``, removes whatever ``best_ckpt`` and
``keep_ckpt_ids`` name as soon as there is a better checkpoint, and sets any attribute that a scheduler's state names.
So a checkpoint is rebuilt from an allow-list before MMEngine uses anything of it.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.optim import _ParamScheduler
from torch import Tensor

from ...errors import UserError, printable
from ...weights import find_state_dict, trained_classes
from ..averaged_weights import AVERAGE

_MAX_DEPTH = 16  # of nested containers; an optimizer's state has 4
_MAX_VALUES = 200_000  # in one part: a container that holds another many times over, and so on, has billions


def rebuild_checkpoint(checkpoint, file: str) -> dict:
    """Rebuild a checkpoint of MMEngine from what a resume needs; everything else is left out.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` read.
        file: Its name, for messages.

    Returns:
        ``meta`` with ``epoch``, ``iter``, and if the file has them ``dataset_meta`` (the classes alone) and the rest of
        :data:`META`; ``state_dict``; ``message_hub`` with the logged numbers and the best scores; and those of
        :data:`PARTS` that the file has. There is no path in it, and nothing that MMEngine executes or formats.

    Raises:
        UserError: The file is no checkpoint of a training run, or holds something that no run writes.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    if not isinstance(meta, Mapping) or meta.get('epoch') is None or meta.get('iter') is None:
        raise UserError(
            f'{file} holds weights, but no training run to resume: to start one from them, use --weights {file}'
        )
    if 'mmcv_version' in meta:
        raise UserError(
            f'{file} is of a training run of MMCV 1 (MMDetection 2, MMSegmentation 0.x), which cannot be resumed here: '
            f'to start a new one from its weights, use --weights {file}'
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


def plain(value, finite: bool = True):
    """Copy a value that may consist of numbers, text, dense tensors and plain containers only.

    Args:
        value: Any value. Tensors are not copied.
        finite: Whether NaN and infinity are refused.

    Raises:
        ValueError: There is anything else in it; the message continues a sentence that begins with the value's name.
    """
    values = 0
    finite_ones: set[int] = set()  # tensors, of which there may be one in many places

    def copy(node, depth):
        nonlocal values
        values += 1
        if depth > _MAX_DEPTH or values > _MAX_VALUES:
            raise ValueError('holds containers nested without end')
        if isinstance(node, dict):
            if wrong := [key for key in dict.keys(node) if type(key) not in (str, int)]:
                raise ValueError(f'has a key that is a {type(wrong[0]).__name__}, neither a text nor a whole number')
            return {key: copy(item, depth + 1) for key, item in dict.items(node)}
        if isinstance(node, list | tuple):
            return (list if isinstance(node, list) else tuple)(copy(item, depth + 1) for item in node)
        if isinstance(node, np.bool_ | np.number) and not isinstance(node, float | complex):
            node = node.item()
        if isinstance(node, Tensor) and node.layout == torch.strided and not node.is_quantized and not node.is_meta:
            if finite and node.is_floating_point() and id(node) not in finite_ones:
                if not node.isfinite().all():
                    raise ValueError('holds numbers that are not finite')
                finite_ones.add(id(node))
            return node
        if isinstance(node, float):
            if finite and not math.isfinite(node):
                raise ValueError('holds numbers that are not finite')
            return float(node)
        if node is None or type(node) in (bool, int, str):
            return node
        raise ValueError(f'holds a {type(node).__name__}, which is neither a number, a text nor a dense tensor')

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


def _quote(value) -> str:
    """A value from a file for a message: short, and harmless on a terminal."""
    if type(value) in (int, np.int64):
        return str(value) if abs(value) < 10**20 else 'a number of more than 20 digits'
    if type(value) in (bool, float):
        return repr(value)
    return f"'{printable(value[:40])}'" if isinstance(value, str) else f'a {type(value).__name__}'


def _count(largest: int) -> Callable:
    def count(given) -> int:
        if isinstance(given, bool) or not isinstance(given, int | np.integer) or not 0 <= given <= largest:
            raise ValueError(f'is {_quote(given)}, and must be a whole number from 0 to {largest}')
        return int(given)

    return count


def _flag(given) -> bool:
    if not isinstance(given, bool):
        raise ValueError(f'is {_quote(given)}, and must be true or false')
    return given


def _name(given) -> str:
    """A short text; an empty one for anything else, for which no run is refused."""
    return str(given) if _is_name(given) else ''


def _notes(given) -> dict:
    """A dict of numbers and texts, without texts that are not printable."""

    def clean(node):
        if isinstance(node, dict):
            return {key: clean(value) for key, value in node.items() if _is_printable(key) and _is_printable(value)}
        if isinstance(node, list | tuple):
            return type(node)(clean(value) for value in node if _is_printable(value))
        return node

    copy = plain(given, finite=False)
    return clean(copy) if isinstance(copy, dict) else {}


def _is_printable(value) -> bool:
    return not isinstance(value, str) or value.isprintable()


def _state_dict(checkpoint: Mapping, file: str) -> OrderedDict:
    given = checkpoint.get('state_dict')
    state: Any = OrderedDict(find_state_dict({'state_dict': given} if isinstance(given, Mapping) else {}, file))
    # The version of each module's key layout, by which some heads of MMDetection recognize older names.
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
    """The logged numbers and the best scores, without anything else, such as paths and texts."""
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
    """A history of logged numbers, rebuilt from the numbers alone."""
    if not isinstance(given, HistoryBuffer):
        return None
    numbers, counts = vars(given).get('_log_history'), vars(given).get('_count_history')
    for array in (numbers, counts):
        if not isinstance(array, np.ndarray) or array.ndim != 1 or not len(array) or array.dtype.kind not in 'iuf':
            return None
    return HistoryBuffer(numbers, counts) if len(numbers) == len(counts) else None


def _optimizer(given) -> dict:
    """The state of an optimizer, or of several by name."""
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
                raise ValueError('has parameter groups that do not number their parameters')
            if not _is_number(rate) and not (isinstance(rate, Tensor) and rate.numel() == 1):
                raise ValueError(f'has a learning rate of {_quote(rate)}')
    return copy


def _schedulers(given):
    """The states of the learning rate schedulers: a list, or one list per optimizer by its name."""
    copy = plain(given, finite=False)  # ReduceOnPlateau's best value starts at infinity
    lists = copy.values() if isinstance(copy, dict) else [copy]
    if not all(isinstance(states, list) and all(isinstance(state, dict) for state in states) for states in lists):
        raise ValueError(f'is a {type(given).__name__}, not a list of scheduler states')
    for state in (state for states in lists for state in states):
        for name, value in state.items():
            # MMEngine sets each as an attribute; none may replace a method or the optimizer.
            if not isinstance(name, str) or name == 'optimizer' or hasattr(_ParamScheduler, name):
                raise ValueError(f'sets something that is no value of a scheduler: {_quote(name)}')
            if name in ('last_step', '_global_step') and type(value) is not int:
                raise ValueError(f'has {name} = {_quote(value)}, and it must be a whole number')
            if name not in ('best', 'rule_worse'):
                plain(value)
    return copy


def _average(given) -> dict:
    """What a run with averaged weights keeps beside them: the trained weights and a count of steps."""
    copy = plain(given)
    if not isinstance(copy, dict) or not all(
        isinstance(key, str) and isinstance(value, Tensor) and (key.startswith('module.') or _is_count(value))
        for key, value in copy.items()
    ):
        raise ValueError('is not the state of averaged weights')
    return copy


def _is_count(value: Tensor) -> bool:
    return value.ndim == 0 and not value.is_floating_point() and not value.is_complex() and int(value) >= 0


# What a resume uses: name in the file -> function that rebuilds it, or raises ValueError. In ``meta`` ...
META: dict[str, Callable] = {
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
PARTS: dict[str, Callable] = {
    'optimizer': _optimizer,
    'param_schedulers': _schedulers,
    'accumulated_gradients': partial(plain, finite=False),  # mixed precision skips the step of infinite ones
    AVERAGE: _average,
    'record': _notes,
    'left_out': _notes,
    'results': partial(plain, finite=False),  # empty cells of a table are NaN
}
