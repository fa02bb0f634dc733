"""Weights of whole detectors and segmentors, our own and those of the backbones' authors, matched with a network.

The authors trained with MMDetection 2 and MMSegmentation 0.x. In these, necks and heads call their weights as today;
the backbone's keys are the authors' own, which the backbone renames. Beside them, a file may hold what no network
reads: see :data:`_COPIES` and the backbone's ``rename_key`` and ``is_ignored_key``.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor, nn

from ..errors import UserError
from .key_patterns import describe_keys
from .loading import can_load, describe_incompatible_keys, describe_size, is_needed
from .state_dict import printable_key

BACKBONE = 'backbone.'
# MMCV's EMAHook kept a second copy of all weights in the model, under such names.
_COPIES = re.compile(r'ema_\w+')
# Names of the layers whose outputs are counted in classes.
_CLASS_LAYER = re.compile(r'(?!rpn_)\w+_cls|fc_reg|conv_logits|conv_seg')
_NO_SUCH_PART = 'this model has no such part'
_OF_MMDET_1 = (
    'its box and mask heads are of MMDetection 1, which numbered classes differently: convert it with '
    'tools/model_converters/upgrade_model_version.py of MMDetection 2'
)


def is_whole_model(keys: Iterable[str], rename_key: Callable[[str], str | None]) -> bool:
    """Whether keys are of a detector or a segmentor: a backbone and other parts than an image classifier's.

    Args:
        keys: Keys of a file.
        rename_key: The backbone's :meth:`~mmbackbones.weights.PretrainedNetwork.rename_key`, which knows the
            classifiers of its family.
    """
    keys = list(keys)
    beside = [key for key in keys if not key.startswith(BACKBONE)]
    return len(beside) < len(keys) and not all((rename_key(key) or '').startswith('head.') for key in beside)


@dataclass
class WeightMatch:
    """The weights of a file, matched with a network.

    Attributes:
        file: Name of the file, for messages.
        expected: State dict of the network.
        given: Weights of the file under the network's keys.
        names: Key of the network -> key in the file.
        unread: Keys in the file of weights that the network has no use for, by the reason.
        hint: What else there is to say of the file; empty for nothing.
    """

    file: str
    expected: dict[str, Tensor]
    given: dict[str, Tensor] = field(default_factory=dict)
    names: dict[str, str] = field(default_factory=dict)
    unread: dict[str, list[str]] = field(default_factory=dict)
    hint: str = ''

    @property
    def fitting(self) -> dict[str, Tensor]:
        """The weights that the network can load, under its keys."""
        return {
            key: value
            for key, value in self.given.items()
            if key in self.expected and can_load(self.expected[key], value)
        }

    def require(self, prefix: str = '', what: str = 'the config') -> None:
        """Require all weights of the network below a prefix, and no others there.

        Args:
            prefix: Start of the keys, such as ``backbone.``; empty for all.
            what: What the file should fit, in words, for the message.

        Raises:
            UserError: A weight is missing, unexpected, or of another shape or type.
        """
        expected, given = (
            {key: value for key, value in state.items() if key.startswith(prefix)}
            for state in (self.expected, self.given)
        )
        if problems := describe_incompatible_keys(expected, given):
            hint = f'; {self.hint}' if self.hint else ''
            raise UserError(f'{self.file} does not fit {what}: {problems}{hint}')

    def left_out(self) -> Iterator[str]:
        """What is not loaded, in words.

        Yields:
            A line for each reason why weights of the file are left out, which names all of them; and one that names
            those of the network that the file lacks.
        """
        reasons = {reason: list(keys) for reason, keys in self.unread.items()}
        misfits: dict[str, list[str]] = {}
        for key, value in self.given.items():
            if key not in self.expected:
                reasons.setdefault(_NO_SUCH_PART, []).append(self.names[key])
            elif not can_load(self.expected[key], value):
                sizes = f'({describe_size(value)} in the file, {describe_size(self.expected[key])} here)'
                misfits.setdefault(_misfit(key, value, self.expected[key]), []).append(
                    f'{printable_key(self.names[key])} {sizes}'
                )
        names = [*self.names.values(), *(key for keys in self.unread.values() for key in keys)]
        for reason, keys in reasons.items():
            hint = f'; {self.hint}' if self.hint and reason == _NO_SUCH_PART else ''
            yield f'left out, because {reason}: {describe_keys(keys, names)}{hint}'
        for reason, descriptions in misfits.items():
            yield f'left out, because {reason}: {", ".join(descriptions)}'
        needed = list(filter(is_needed, self.expected))
        if missing := [key for key in needed if key not in self.given]:
            yield f'not in the file, and so left as initialized: {describe_keys(missing, needed)}'


def match_weights(model: nn.Module, given: Mapping[str, Tensor], file: str) -> WeightMatch:
    """Match the weights of a file with a detector or a segmentor.

    Args:
        model: The network, without wrappers.
        given: Weights of the file, as :func:`~mmbackbones.weights.find_state_dict` returns them: under today's keys or
            those of MMDetection 2 and MMSegmentation 0.x, the backbone's under ours, its authors' or any other known.
        file: What to call the file in messages.
    """
    match = WeightMatch(file, model.state_dict())
    backbone: Any = getattr(model, 'backbone', None)
    for key, value in given.items():
        ours, reason = key, ''
        if key.startswith(BACKBONE) and hasattr(backbone, 'rename_key'):
            renamed = backbone.rename_key(key.removeprefix(BACKBONE))
            ours = f'{BACKBONE}{renamed}'
            if renamed is None:
                reason = 'they have no effect'
            elif backbone.is_ignored_key(renamed):
                reason = 'the backbone does not build that part'
        elif _COPIES.fullmatch(key) and key not in match.expected:
            reason = "they are MMCV's second copy of the weights, for averaging"
        if not reason and ours in match.given:
            reason = 'the file has them twice, under two names'
        if reason:
            match.unread.setdefault(reason, []).append(key)
        else:
            match.given[ours], match.names[ours] = value, key
    if _is_of_mmdet_1(match):
        match.hint = _OF_MMDET_1
    return match


def _is_of_mmdet_1(match: WeightMatch) -> bool:
    """Whether a two-stage detector has its heads where MMDetection 1 had them: beside the RPN's, in no ``roi_head``."""
    parts, expected = ({key.partition('.')[0] for key in state} for state in (match.given, match.expected))
    return 'roi_head' in expected and 'roi_head' not in parts and {'rpn_head', 'bbox_head'} <= parts


def _misfit(key: str, given: Tensor, expected: Tensor) -> str:
    """Why a tensor cannot be loaded."""
    if given.shape == expected.shape:
        return 'they are integers, and real numbers are needed'
    layer = key.split('.')[-2] if '.' in key else ''
    if _CLASS_LAYER.fullmatch(layer) and given.shape[1:] == expected.shape[1:]:
        return 'they are for another number of classes'
    return 'they have another size here'
