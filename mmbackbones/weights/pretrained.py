"""From a released file to the weights of one of our backbones."""
from collections.abc import Callable, Mapping

import torch
from mmengine.logging import print_log
from mmengine.runner.checkpoint import CheckpointLoader
from torch import Tensor, nn

from ..errors import UserError

# Maps the key of a released file to ours; None: a key that no pyramid needs (a classifier), dropped in silence.
RenameKey = Callable[[str], str | None]


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


def read_state_dict(checkpoint: str, prefix: str = '') -> dict[str, Tensor]:
    """Weights of a file or URL, on the CPU; with `prefix`, only the keys below it (and without it)."""
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


def load_pretrained(backbone: nn.Module, checkpoint: str, prefix: str = '') -> None:
    """Load a backbone's weights from the authors' file as released, or from our own ``state_dict()``.

    Reports "loaded n of m", m being the number of the backbone's own keys. Classifiers and stages that this backbone
    does not build are dropped in silence.

    Args:
        backbone: A :class:`~mmbackbones.backbones.PyramidBackbone`.
        checkpoint: File or URL.
        prefix: Only the keys below it, for example ``backbone.`` of a detector's checkpoint.

    Raises:
        UserError: A key is missing, unexpected or of another shape; nothing has been loaded then.
    """
    given = read_state_dict(checkpoint, prefix)
    own = backbone.state_dict()
    ours = {}
    for key, value in given.items():
        key = backbone.rename_key(key)
        if key is not None and not backbone.is_unbuilt(key):
            ours[key] = value

    problems = []
    missing = [key for key in own if key not in ours]
    unexpected = [key for key in ours if key not in own]
    misshapen = [f'{key} ({"x".join(map(str, ours[key].shape))} in the file, {"x".join(map(str, own[key].shape))} here)'
                 for key in own if key in ours and ours[key].shape != own[key].shape]
    for kind, keys in (('missing', missing), ('unexpected', unexpected), ('of another shape', misshapen)):
        if keys:
            problems.append(f'{len(keys)} {kind}: {_some(keys)}')
    if problems:
        raise UserError(f'{checkpoint} does not fit {type(backbone).__name__} '
                        f'({len(own) - len(missing) - len(misshapen)} of {len(own)} keys fit; {"; ".join(problems)})')
    with torch.no_grad():
        backbone.load_state_dict(ours)
    print_log(f'{type(backbone).__name__}: loaded {len(ours)} of {len(own)} keys from {checkpoint}', logger='current')
