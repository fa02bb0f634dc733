"""The state dict inside a checkpoint: where it is, whether it is sound, and its keys without wrappers' prefixes."""

import os
import re
from collections.abc import Mapping

import torch
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor

from ..errors import UserError, printable
from .contents import MAX_EXPANDED

_MAX_KEY_LENGTH = 500  # characters
# Prefixes that PyTorch's wrappers add to the names of what they wrap: torch.compile, FSDP, activation checkpointing.
_WRAPPERS = re.compile(r'(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.')
_AVERAGE_COUNTERS = ('n_averaged', 'steps')  # of PyTorch's and MMEngine's averaged models, beside ``module.*``


def find_state_dict(checkpoint: object, filename: str = 'checkpoint') -> dict[str, Tensor]:
    """The weights in a checkpoint: under ``state_dict``, ``model``, ``model.state_dict``, or at its top level.

    Everything beside them (optimizer, EMA copy, arguments) is left out. So are prefixes of wrappers: a leading
    ``module.`` (several GPUs, averaged weights), and ``_orig_mod.`` (``torch.compile``) and the like anywhere.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` returned.
        filename: What to call it in a message.

    Raises:
        UserError: There are no weights, or some that no network can take: not dense, larger than their memory, not
            finite, or without a proper name.
    """
    for _ in range(2):
        for name in ('state_dict', 'model'):
            if isinstance(checkpoint, Mapping) and isinstance(checkpoint.get(name), Mapping):
                checkpoint = checkpoint[name]
                break
    if not isinstance(checkpoint, Mapping):
        raise UserError(f'{filename} holds a {type(checkpoint).__name__}, not weights')
    state = {key: value for key, value in checkpoint.items() if isinstance(value, Tensor)}
    if not state:
        raise UserError(f'{filename} holds no weights under "state_dict", "model" or at its top level')
    _check_weights(state, filename)
    return _without_wrappers(state)


def _check_weights(state: dict[str, Tensor], filename: str) -> None:
    bad = {}
    for key, value in state.items():
        if not isinstance(key, str) or len(key) > _MAX_KEY_LENGTH:
            raise UserError(
                f'{filename} names a weight {printable_key(str(key))}, a {type(key).__name__}: names must be strings '
                f'of at most {_MAX_KEY_LENGTH} characters'
            )
        if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_nested:
            raise UserError(
                f'{filename} was not loaded: its weight {printable_key(key)} is sparse, quantized, nested or without '
                'values; only dense tensors can be loaded'
            )
        size = value.numel() * value.element_size()
        if size > max(value.untyped_storage().nbytes(), MAX_EXPANDED):
            raise UserError(
                f'{filename} was not loaded: its weight {printable_key(key)} claims {value.numel()} values, more than '
                'are in the file'
            )
        if size > value.untyped_storage().nbytes():
            state[key] = value.contiguous()
        if value.is_floating_point() or value.is_complex():
            finite = (value.float() if value.element_size() == 1 else value).isfinite()  # float8 has no isfinite
            if not finite.all():
                bad[key] = value.numel() - int(finite.sum())
    if bad:
        key, count = next(iter(bad.items()))
        raise UserError(
            f'{filename} was not loaded: {len(bad)} of its {len(state)} weights are not finite (NaN or infinite), the '
            f'first of them {printable_key(key)} in {count} of {state[key].numel()} values; the training run diverged, '
            'so use an earlier checkpoint'
        )


def _without_wrappers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    while True:
        names = {key: _WRAPPERS.sub('', key) for key in state}
        inner = [key for key in names.values() if key not in _AVERAGE_COUNTERS]
        if inner and all(key.startswith('module.') for key in inner):
            names = {key: name.removeprefix('module.') for key, name in names.items() if name not in _AVERAGE_COUNTERS}
        if names == {key: key for key in state} or len(set(names.values())) < len(names):
            return state
        state = {name: state[key] for key, name in names.items()}


def read_state_dict(checkpoint: str | os.PathLike[str], prefix: str = '') -> dict[str, Tensor]:
    """Weights of a file, URL or release, on the CPU.

    Args:
        checkpoint: File, URL or short name of a release.
        prefix: If given, only the keys below it, and without it.

    Raises:
        UserError: The checkpoint cannot be found or read, or has no weights, or none below `prefix`.
    """
    if not isinstance(checkpoint, str | os.PathLike):
        raise UserError(f'{printable_key(str(checkpoint))} is no checkpoint: give a file, a URL or a short name')
    checkpoint = os.fspath(checkpoint)
    state = find_state_dict(CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent'), checkpoint)
    if not prefix:
        return state
    prefix = prefix.rstrip('.') + '.'
    below = {key.removeprefix(prefix): value for key, value in state.items() if key.startswith(prefix)}
    if not below:
        raise UserError(f'{checkpoint} has no key that starts with "{prefix}"')
    return below


def printable_key(key: str) -> str:
    """A key as it may be shown on a terminal: escaped, and at most 100 characters of it."""
    return printable(key if len(key) <= 100 else f'{key[:100]}...')
