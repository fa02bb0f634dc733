"""From a released file to the weights of one of our networks."""
from collections.abc import Mapping

import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..errors import UserError


def find_state_dict(checkpoint, filename: str = 'checkpoint') -> dict[str, Tensor]:
    """The weights inside what a file held: under ``state_dict``, ``model``, ``model.state_dict``, or the file itself.

    Whatever lies beside them (optimizer, EMA copy, arguments) is left alone; a leading ``module.`` is taken off.
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
    if all(key.startswith('module.') for key in state):
        state = {key[len('module.'):]: value for key, value in state.items()}
    return state


def trained_classes(checkpoint) -> tuple[str, ...] | None:
    """The classes that a checkpoint of MMEngine was trained on, in label order, if it says."""
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    classes = ((meta or {}).get('dataset_meta') or {}).get('classes')
    return tuple(classes) if classes else None


def read_state_dict(checkpoint: str, prefix: str = '') -> dict[str, Tensor]:
    """Weights of a file, URL or release, on the CPU; with `prefix`, only the keys below it (and without it)."""
    state = find_state_dict(CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent'), checkpoint)
    if not prefix:
        return state
    prefix = prefix.rstrip('.') + '.'
    below = {key[len(prefix):]: value for key, value in state.items() if key.startswith(prefix)}
    if not below:
        raise UserError(f'{checkpoint} has no key that starts with "{prefix}"')
    return below


def _some(keys: list[str]) -> str:
    return ', '.join(keys[:3]) + (f' and {len(keys) - 3} more' if len(keys) > 3 else '')


def rename_keys(given: Mapping[str, Tensor], network: nn.Module) -> dict[str, Tensor]:
    """What a file has for `network`, under our keys: without what has no effect and what `network` does not build."""
    ours = {}
    for key, value in given.items():
        key = network.rename_key(key)
        if key is not None and not network.is_unbuilt(key):
            ours[key] = value
    return ours


def misfits(own: Mapping[str, Tensor], ours: Mapping[str, Tensor]) -> str:
    """What keeps `ours` from being loaded into a network whose state dict is `own`, in words; empty if nothing does."""
    missing = [key for key in own if key not in ours]
    unexpected = [key for key in ours if key not in own]
    misshapen = [f'{key} ({"x".join(map(str, ours[key].shape))} in the file, {"x".join(map(str, own[key].shape))} here)'
                 for key in own if key in ours and ours[key].shape != own[key].shape]
    problems = [f'{len(keys)} {kind}: {_some(keys)}' for kind, keys in (
        ('missing', missing), ('unexpected', unexpected), ('of another shape', misshapen)) if keys]
    fit = len(own) - len(missing) - len(misshapen)
    return f'{fit} of {len(own)} keys fit; {"; ".join(problems)}' if problems else ''


def load_pretrained(network: nn.Module, checkpoint: str, prefix: str = '') -> None:
    """Load a network's weights from the authors' file as released, or from our own ``state_dict()``.

    Reports "loaded n of m", m being the number of the network's own keys. Classifiers, where `network` has none, and
    stages that it does not build are dropped in silence.

    Args:
        network: A :class:`~mmbackbones.backbones.PyramidBackbone`, or an
            :class:`~mmbackbones.classify.ImageClassifier`.
        checkpoint: File, URL or short name of a release.
        prefix: Only the keys below it, for example ``backbone.`` of a detector's checkpoint.

    Raises:
        UserError: A key is missing, unexpected or of another shape; nothing has been loaded then.
    """
    ours, own = rename_keys(read_state_dict(checkpoint, prefix), network), network.state_dict()
    if problems := misfits(own, ours):
        raise UserError(f'{checkpoint} does not fit {type(network).__name__} ({problems})')
    with torch.no_grad():
        network.load_state_dict(ours)
    print_log(f'{type(network).__name__}: loaded {len(ours)} of {len(own)} keys from {checkpoint}', logger='current')
