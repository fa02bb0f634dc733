"""Which network a checkpoint holds, and under whose keys."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import torch
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader
from torch import Tensor

from ..backbones import PyramidBackbone
from ..errors import UserError
from ..weights import find_state_dict, trained_classes, trained_config
from ..weights.loading import can_load, describe_incompatible_keys, rename_keys

_LAYOUTS = {  # keys that only files of this layout have; the rest is the authors'
    r'(stem|stages)\.': 'the layout of mmbackbones',
    r'(patch_embed\d\.projection|blocks\d)\.': "mmpretrain's layout",
    r'(van\.)?encoder\.stages\.': "transformers' layout",
}
# Of a config that a checkpoint carries, only these types are built: MMEngine would take any name that can be imported.
_PARTS = (
    *('BN', 'SyncBN', 'GN', 'LN', 'IN'),
    *('LocalAttention2d', 'HierarchicalSelfAttention2d', 'CascadedSelfAttention2d', 'MultiHeadSelfAttention2d'),
    *('LocalAttention', 'HMHSA', 'CascadedHMHSA', 'MHSA'),  # their old names
)
_IMMATERIAL = ('type', 'init_cfg', 'out_indices', 'frozen_stages', 'norm_eval', 'drop_path_rate', 'with_cp')


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint holds.

    Attributes:
        family: Registry type of the backbone.
        arch: Its ``arch``, or a ResNet's depth; a dict if it has none of the known ones.
        layout: Whose keys the file has, in words.
        num_classes: Classes of the image classifier, or of the whole model if it says; None: there are none.
        whole_model: Whether it is a detector's or segmenter's, of which the backbone is a part.
        backbone: The backbone's weights, under our keys.
        options: Further arguments that the backbone was built with, if they are not the usual ones.
    """

    family: str
    arch: str | int | dict
    layout: str
    num_classes: int | None
    whole_model: bool
    backbone: dict[str, Tensor]
    options: dict = field(default_factory=dict)

    @property
    def config(self) -> dict:
        """What builds the backbone."""
        return {'type': self.family, MODELS.get(self.family).arch_argument: self.arch, **self.options}

    def __str__(self) -> str:
        kind = 'whole model' if self.whole_model else 'image classifier' if self.num_classes else 'backbone alone'
        classes = f', {self.num_classes} classes' if self.num_classes else ''
        arch = 'of its own sizes' if isinstance(self.arch, dict) else self.arch
        return f'{self.family} {arch} in {self.layout}, {kind}{classes}'


def identify_checkpoint(checkpoint: str | os.PathLike) -> CheckpointInfo:
    """Find out which network a checkpoint holds.

    Args:
        checkpoint: File, URL or short name, in any known layout: of a backbone, an image classifier or a whole model.

    Raises:
        UserError: It is in no known layout; the message says what it comes nearest to, and where it differs first.
    """
    checkpoint = os.fspath(checkpoint)
    content = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    given = find_state_dict(content, checkpoint)
    below = {key.removeprefix('backbone.'): value for key, value in given.items() if key.startswith('backbone.')}
    beside = {key: value for key, value in given.items() if not key.startswith('backbone.')} if below else {}
    state = below or given
    best, best_fit = None, -1
    for network, arch, options in [*_nearest(state), *_trained(content, len(state))]:
        own, ours = network.state_dict(), rename_keys(state, network)
        problems = describe_incompatible_keys(own, ours)
        fit = sum(key in ours and can_load(value, ours[key]) for key, value in own.items())
        if not problems or fit > best_fit:
            best, best_fit = (network, arch, options, ours, problems), fit
        if not problems:
            break
    network, arch, options, ours, problems = best
    family = type(network).__name__
    if problems:
        named = 'of its own sizes' if isinstance(arch, dict) else arch
        raise UserError(
            f'{checkpoint} is in no layout that is known here; it comes nearest to {family} {named} ({problems})'
        )
    layout = next(
        (name for keys, name in _LAYOUTS.items() if any(re.match(keys, key) for key in state)), "the authors' layout"
    )
    for key, value in {**state, **beside}.items():
        if network.rename_key(key) == 'head.fc.weight':
            classes = value.shape[0] if value.dim() == 2 else None
            return CheckpointInfo(family, arch, layout, classes, False, ours, options)
    return CheckpointInfo(family, arch, layout, len(trained_classes(content) or ()) or None, bool(below), ours, options)


def _trained(content, most_blocks: int) -> list[tuple[PyramidBackbone, str | int | dict, dict]]:
    """The network of the config that a checkpoint carries, in a list that is empty if there is none of ours."""
    model = trained_config(content).get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    if not isinstance(backbone, dict):
        return []
    family = MODELS.module_dict.get(str(backbone.get('type')).rpartition('.')[2])
    if not (isinstance(family, type) and issubclass(family, PyramidBackbone)):
        return []
    options = {key: value for key, value in backbone.items() if key not in _IMMATERIAL}
    stages = backbone.get('out_indices', (0, 1, 2, 3))
    try:
        arch = options.pop(family.arch_argument)
        depths = arch['depths'] if isinstance(arch, dict) else ()
        if (
            any(node['type'] not in _PARTS for node in _dicts([arch, options]) if 'type' in node)
            or sum(depths) > most_blocks
        ):
            return []
        with torch.device('meta'):
            return [(family(arch, out_indices=stages, **options), arch, options)]
    except Exception:  # whatever a config that is not ours may lead to
        return []


def _dicts(node) -> Iterator[dict]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _dicts(child)


def _depths(state: Mapping[str, Tensor], family: type[PyramidBackbone]) -> tuple[int, ...]:
    """Number of blocks in each stage that a file has in the eyes of a family."""
    found = [re.match(r'stages\.([0-3])\.(?:blocks\.)?(\d+)\.', family.rename_key(key) or '') for key in state]
    blocks = {(int(match[1]), int(match[2])) for match in found if match}
    return tuple(sum(stage == i for stage, _ in blocks) for i in range(1 + max((i for i, _ in blocks), default=-1)))


def _nearest(state: Mapping[str, Tensor]) -> list[tuple[PyramidBackbone, str | int, dict]]:
    """The networks, without memory for their weights, whose numbers of blocks come nearest to the file's."""
    candidates = []
    for family in MODELS.module_dict.values():
        if isinstance(family, type) and issubclass(family, PyramidBackbone):
            depths = _depths(state, family)
            for arch in {id(entry): name for name, entry in reversed(family.arch_zoo.items())}.values():  # no aliases
                theirs = family.arch_zoo[arch]['depths'][: len(depths) or 4]
                distance = sum(abs(a - b) for a, b in zip(depths or (0,) * 4, theirs, strict=True))
                candidates.append((distance, family, arch, len(theirs)))
    least = min(distance for distance, *_ in candidates)
    with torch.device('meta'):
        return [
            (family(arch, out_indices=tuple(range(stages))), arch, {})
            for distance, family, arch, stages in candidates
            if distance == least
        ]
