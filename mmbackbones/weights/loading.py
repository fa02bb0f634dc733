"""Loading of a checkpoint's weights into a network, under our keys."""

import os
from collections.abc import Mapping
from typing import Any, Protocol

import torch
from torch import Tensor

from ..errors import UserError
from ..utils.messages import tell
from .state_dict import printable_key, read_state_dict


class PretrainedNetwork(Protocol):
    """A network that :func:`load_pretrained` can fill: an ``nn.Module`` that knows the authors' keys."""

    def rename_key(self, key: str) -> str | None:
        """Our key for a key of a released file, or for one of our own; None for weights that have no effect."""
        ...

    def is_ignored_key(self, key: str) -> bool:
        """Whether our `key` belongs to a part that this network does not build."""
        ...

    def state_dict(self) -> dict[str, Any]:
        """As :meth:`torch.nn.Module.state_dict`."""
        ...

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> Any:
        """As :meth:`torch.nn.Module.load_state_dict`."""
        ...


def rename_keys(state_dict: Mapping[str, Tensor], network: PretrainedNetwork) -> dict[str, Tensor]:
    """A file's weights under our keys, without those that have no effect or that `network` does not build."""
    renamed = {}
    for key, value in state_dict.items():
        ours = network.rename_key(key)
        if ours is not None and not network.is_ignored_key(ours):
            renamed[ours] = value
    return renamed


def is_needed(key: str) -> bool:
    """Whether a file must have `key`: all but the batch count of batch norms, which only a cumulative average reads."""
    return not key.endswith('num_batches_tracked')


def can_load(expected: Tensor, given: Tensor) -> bool:
    """Whether a file's tensor can be loaded into a network's: of the same shape, and no integers for real numbers."""
    return expected.shape == given.shape and given.is_floating_point() >= expected.is_floating_point()


def describe_incompatible_keys(expected: Mapping[str, Tensor], given: Mapping[str, Tensor]) -> str:
    """Why weights cannot be loaded into a network, in words.

    Args:
        expected: State dict of the network.
        given: Weights of a file, under our keys.

    Returns:
        How many keys fit, and which are missing, unexpected, or of another shape or type; empty if all fit.
    """
    missing = [key for key in expected if key not in given and is_needed(key)]
    unexpected = [key for key in given if key not in expected]
    common = [key for key in expected if key in given]
    misshapen = [
        f'{key} ({describe_size(given[key])} in the file, {describe_size(expected[key])} here)'
        for key in common
        if given[key].shape != expected[key].shape
    ]
    mistyped = [
        key for key in common if given[key].shape == expected[key].shape and not can_load(expected[key], given[key])
    ]
    problems = [
        f'{len(keys)} {kind}: {_some(keys)}'
        for kind, keys in (
            ('missing', missing),
            ('unexpected', unexpected),
            ('of another shape', misshapen),
            ('of integers for real numbers', mistyped),
        )
        if keys
    ]
    fit = sum(can_load(expected[key], given[key]) for key in common)
    return f'{fit} of {len(expected)} keys fit; {"; ".join(problems)}' if problems else ''


def describe_size(tensor: Tensor) -> str:
    """The shape of a tensor, as in ``8x3x7x7``."""
    return 'x'.join(map(str, tensor.shape))


def _some(keys: list[str]) -> str:
    return ', '.join(map(printable_key, keys[:3])) + (f' and {len(keys) - 3} more' if len(keys) > 3 else '')


def load_pretrained(network: PretrainedNetwork, checkpoint: str | os.PathLike[str], prefix: str = '') -> None:
    """Load a network's weights from the authors' file as released, or from our own ``state_dict()``.

    Logs "loaded n of m keys", m being the number of the network's own keys. Classifiers, where `network` has none, and
    stages that it does not build are dropped without notice.

    Args:
        network: A :class:`~mmbackbones.backbones.PyramidBackbone`, or an
            :class:`~mmbackbones.apis.classify.ImageClassifier`.
        checkpoint: File, URL or short name of a release.
        prefix: Only the keys below it, for example ``backbone.`` of a detector's checkpoint.

    Raises:
        UserError: A key is missing, unexpected or of another shape; nothing has been loaded then.
    """
    given, expected = rename_keys(read_state_dict(checkpoint, prefix), network), network.state_dict()
    if problems := describe_incompatible_keys(expected, given):
        raise UserError(f'{checkpoint} does not fit {type(network).__name__} ({problems})')
    with torch.no_grad():
        network.load_state_dict(given)
    tell(f'{type(network).__name__}: loaded {len(given)} of {len(expected)} keys from {checkpoint}')
