"""From a released file to the weights of one of our networks."""

import os
import re
from collections.abc import Mapping

import numpy as np
import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..errors import UserError, printable

_LONGEST = 500  # characters in a key
# Names that PyTorch's wrappers put before those of what they wrap: torch.compile, FSDP, activation checkpointing.
_WRAPPERS = re.compile(r'(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.')
_AVERAGES = ('n_averaged', 'steps')  # what PyTorch's and MMEngine's averaged models count in, beside ``module.*``


def find_state_dict(checkpoint, filename: str = 'checkpoint') -> dict[str, Tensor]:
    """The weights inside what a file held: under ``state_dict``, ``model``, ``model.state_dict``, or the file itself.

    Whatever lies beside them (optimizer, EMA copy, arguments) is left alone. What wrappers add is taken off: a leading
    ``module.`` (several GPUs, averaged weights), ``_orig_mod.`` (``torch.compile``) and their like anywhere.

    Raises:
        UserError: There are no weights, or some that no network can be given: not dense, overlapping themselves, not
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


def _check_weights(state: Mapping[str, Tensor], filename: str) -> None:
    wrong = {}
    for key, value in state.items():
        if not isinstance(key, str) or len(key) > _LONGEST:
            raise UserError(
                f'{filename} names a weight by {_shown(str(key))}, a {type(key).__name__}: names are texts '
                f'of at most {_LONGEST} characters'
            )
        if value.layout != torch.strided or value.is_quantized or value.is_meta or value.is_nested:
            raise UserError(
                f'{filename} was not loaded: its weight {_shown(key)} is sparse, quantized, nested or '
                'without values; only dense tensors can be loaded'
            )
        if value.numel() * value.element_size() > value.untyped_storage().nbytes():
            raise UserError(
                f'{filename} was not loaded: its weight {_shown(key)} is said to have {value.numel()} '
                'values, more than are in the file'
            )
        if value.is_floating_point() or value.is_complex():
            finite = (value.float() if value.element_size() == 1 else value).isfinite()  # float8 has no isfinite
            if not finite.all():
                wrong[key] = value.numel() - int(finite.sum())
    if wrong:
        key, count = next(iter(wrong.items()))
        raise UserError(
            f'{filename} was not loaded: {len(wrong)} of its {len(state)} weights are not finite (NaN or '
            f'infinite), the first of them {_shown(key)} in {count} of {state[key].numel()} values; its '
            'training went wrong, so use an earlier checkpoint'
        )


def _without_wrappers(state: dict[str, Tensor]) -> dict[str, Tensor]:
    while True:
        names = {key: _WRAPPERS.sub('', key) for key in state}
        inner = [key for key in names.values() if key not in _AVERAGES]
        if inner and all(key.startswith('module.') for key in inner):
            names = {key: name.removeprefix('module.') for key, name in names.items() if name not in _AVERAGES}
        if names == {key: key for key in state} or len(set(names.values())) < len(names):
            return state
        state = {name: state[key] for key, name in names.items()}


def trained_classes(checkpoint) -> tuple[str, ...] | None:
    """The classes that a checkpoint of MMEngine was trained on, in label order, if it says."""
    for name in ('meta', 'dataset_meta', 'classes'):
        checkpoint = checkpoint.get(name) if isinstance(checkpoint, Mapping) else None
    if isinstance(checkpoint, np.ndarray):
        checkpoint = checkpoint.tolist()
    if not isinstance(checkpoint, list | tuple) or not all(isinstance(name, str) for name in checkpoint):
        return None
    return tuple(map(str, checkpoint)) or None


def read_state_dict(checkpoint: str | os.PathLike, prefix: str = '') -> dict[str, Tensor]:
    """Weights of a file, URL or release, on the CPU; with `prefix`, only the keys below it (and without it)."""
    if not isinstance(checkpoint, str | os.PathLike):
        raise UserError(f'{_shown(str(checkpoint))} is no checkpoint: give a file, a URL or a short name')
    checkpoint = os.fspath(checkpoint)
    state = find_state_dict(CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent'), checkpoint)
    if not prefix:
        return state
    prefix = prefix.rstrip('.') + '.'
    below = {key[len(prefix) :]: value for key, value in state.items() if key.startswith(prefix)}
    if not below:
        raise UserError(f'{checkpoint} has no key that starts with "{prefix}"')
    return below


def _shown(key: str) -> str:
    """A key as it can be shown anywhere: terminals act on what is not printable."""
    return printable(key if len(key) <= 100 else f'{key[:100]}...')


def _some(keys: list[str]) -> str:
    return ', '.join(map(_shown, keys[:3])) + (f' and {len(keys) - 3} more' if len(keys) > 3 else '')


def rename_keys(given: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """What a file has for `network`, under our keys: without what has no effect and what `network` does not build."""
    ours = {}
    for key, value in given.items():
        key = network.rename_key(key)
        if key is not None and not network.is_ignored_key(key):
            ours[key] = value
    return ours


def is_needed(key: str) -> bool:
    """Whether a file has to have `key`: not batch norms' count of batches, which only an average over all reads."""
    return not key.endswith('num_batches_tracked')


def can_load(own: Tensor, given: Tensor) -> bool:
    """Whether a network's tensor can take the values of a file's: same shape, and no whole numbers for real ones."""
    return own.shape == given.shape and given.is_floating_point() >= own.is_floating_point()


def describe_incompatible_keys(own: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> str:
    """What keeps `ours` from being loaded into a network whose state dict is `own`, in words; empty if nothing does."""
    missing = [key for key in own if key not in ours and is_needed(key)]
    unexpected = [key for key in ours if key not in own]
    misshapen = [
        f'{key} ({"x".join(map(str, ours[key].shape))} in the file, {"x".join(map(str, own[key].shape))} here)'
        for key in own
        if key in ours and ours[key].shape != own[key].shape
    ]
    mistyped = [
        key for key in own if key in ours and ours[key].shape == own[key].shape and not can_load(own[key], ours[key])
    ]
    problems = [
        f'{len(keys)} {kind}: {_some(keys)}'
        for kind, keys in (
            ('missing', missing),
            ('unexpected', unexpected),
            ('of another shape', misshapen),
            ('that are no real numbers', mistyped),
        )
        if keys
    ]
    fit = sum(key in ours and can_load(value, ours[key]) for key, value in own.items())
    return f'{fit} of {len(own)} keys fit; {"; ".join(problems)}' if problems else ''


def load_pretrained(network: nn.Module, checkpoint: str, prefix: str = '') -> None:
    """Load a network's weights from the authors' file as released, or from our own ``state_dict()``.

    Reports "loaded n of m", m being the number of the network's own keys. Classifiers, where `network` has none, and
    stages that it does not build are dropped in silence.

    Args:
        network: A :class:`~mmbackbones.backbones.PyramidBackbone`, or an
            :class:`~mmbackbones.apis.classify.ImageClassifier`.
        checkpoint: File, URL or short name of a release.
        prefix: Only the keys below it, for example ``backbone.`` of a detector's checkpoint.

    Raises:
        UserError: A key is missing, unexpected or of another shape; nothing has been loaded then.
    """
    ours, own = rename_keys(read_state_dict(checkpoint, prefix), network), network.state_dict()
    if problems := describe_incompatible_keys(own, ours):
        raise UserError(f'{checkpoint} does not fit {type(network).__name__} ({problems})')
    with torch.no_grad():
        network.load_state_dict(ours)
    print_log(f'{type(network).__name__}: loaded {len(ours)} of {len(own)} keys from {checkpoint}', logger='current')
