"""The verb ``identify``: which network a checkpoint holds, in which layout, and what it says of its training."""

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from mmengine.registry import MODELS
from mmengine.runner import CheckpointLoader
from torch import Tensor

from ..backbones import PyramidBackbone
from ..errors import UserError, printable
from ..export.formats import is_exported
from ..utils.text import counted
from ..weights import RELEASES, find_state_dict, trained_classes, trained_config
from ..weights.loading import can_load, describe_incompatible_keys, rename_keys
from ..weights.releases import LAYOUTS
from ..weights.whole_model import is_whole_model
from .create_backbone import backbone_name, families
from .exported_info import ExportedInfo
from .trained_model import TrainedModel, describe_normalization, read_trained_model

_OUR_LAYOUT = re.compile(r'(stem|stages)\.')
# Types that may be built from a config in a checkpoint, beside the layers of this package. MMEngine itself would build
# anything that can be imported by name.
_NORMS = ('BN', 'SyncBN', 'GN', 'LN', 'IN')
# Most entries of a list in a network's arch or options. Each may stand for a layer, in every block: a short text could
# otherwise describe a network that takes hours to build.
_MAX_ENTRIES = 32
# Options of a backbone that do not change its weights.
_NOT_IN_WEIGHTS = ('type', 'init_cfg', 'out_indices', 'frozen_stages', 'norm_eval', 'drop_path_rate', 'with_cp')


@dataclass(frozen=True)
class CheckpointInfo:
    """What a checkpoint holds; as text, its network, layout and kind on one line.

    Attributes:
        checkpoint: The file, URL or short name.
        family: Registry type of the backbone.
        arch: Its ``arch``, or a ResNet's depth; a dict if it is not one of the named ones.
        layout: Whose keys the file has, in words.
        num_classes: Number of classes of the image classifier, or of the whole model if it says; None: there are none.
        whole_model: Whether it is a whole detector or segmentor, of which the backbone is a part.
        backbone: The backbone's weights, under our keys.
        options: Other arguments that the backbone was built with, if they differ from the defaults.
        prefix: What the keys of the backbone begin with in the file: ``backbone.`` where there is more beside it.
        trained: What the file says of the detector or segmentor in it and of its training run; None: it holds none.
    """

    checkpoint: str
    family: str
    arch: str | int | dict[str, Any]
    layout: str
    num_classes: int | None
    whole_model: bool
    backbone: dict[str, Tensor]
    options: dict[str, Any] = field(default_factory=dict)
    prefix: str = ''
    trained: TrainedModel | None = None

    @property
    def config(self) -> dict[str, Any]:
        """The config that builds the backbone."""
        return {'type': self.family, MODELS.get(self.family).arch_argument: self.arch, **self.options}

    @property
    def pretrained_config(self) -> dict[str, Any]:
        """The config that builds the backbone and loads these weights."""
        init_cfg = dict(type='Pretrained', checkpoint=self.checkpoint)
        return {**self.config, 'init_cfg': {**init_cfg, 'prefix': self.prefix} if self.prefix else init_cfg}

    @property
    def lines(self) -> list[str]:
        """All that is known, and how to use the backbone in a config and in Python; what ``identify`` prints."""
        lines = [f'{self.checkpoint}: {self}']
        if self.trained:
            lines += self.trained.lines
        if release := RELEASES.get(self.checkpoint):
            top1 = f', {release.top1} % top-1 on ImageNet-1K as published' if release.top1 else ''
            lines.append(f'trained on: {release.data}{top1}')
            lines.append(f'images: {describe_normalization(release.mean, release.std, "RGB")}')
            lines.append(f'license: {release.license or "the authors state none"}')
        lines.append(f'in a config: backbone={self.pretrained_config}')
        if name := backbone_name(self.family, self.arch):
            options = ''.join(f', {key}={value!r}' for key, value in self.options.items())
            lines.append(f'in Python: mmbackbones.create_backbone({name!r}, pretrained={self.checkpoint!r}{options})')
        if self.trained and self.trained.task:
            lines.append(f'the whole model: mmbackbones predict {self.checkpoint} SOURCE')
        return [printable(line) for line in lines]

    def __str__(self) -> str:
        kind = 'whole model' if self.whole_model else 'image classifier' if self.num_classes else 'backbone alone'
        classes = f', {counted(self.num_classes, "class", "classes")}' if self.num_classes else ''
        return f'{self.family} {_arch_name(self.arch)} in {self.layout}, {kind}{classes}'


class _Candidate(NamedTuple):
    """A network that a file might hold, on the meta device, and how it was built."""

    network: PyramidBackbone
    arch: str | int | dict[str, Any]
    options: dict[str, Any]

    @property
    def name(self) -> str:
        return f'{type(self.network).__name__} {_arch_name(self.arch)}'


def _arch_name(arch: str | int | dict[str, Any]) -> str:
    return 'of its own sizes' if isinstance(arch, dict) else str(arch)


def identify(checkpoint: str | os.PathLike[str]) -> 'CheckpointInfo | ExportedInfo':
    """Find out which network a checkpoint holds, and what it says of its training; nothing in it is executed.

    Example:
        >>> import mmbackbones as mmb
        >>> print(mmb.identify('van-b2'))
        VAN base in the authors' layout, image classifier, 1000 classes
        >>> info = mmb.identify('work_dirs/retinanet_van_t/epoch_12.pth')
        >>> info.trained.model, info.trained.classes, info.trained.img_scale
        ('RetinaNet', ('cat', 'dog'), (1333, 800))

    Args:
        checkpoint: File, URL or short name, in any known layout: of a backbone, an image classifier, or a detector or
            segmentor with one of our backbones. Or a file that :func:`~mmbackbones.apis.export` wrote.

    Returns:
        What it holds; its `lines` are all of it in words.

    Raises:
        UserError: The checkpoint cannot be read, or is in no known layout; the message names the closest match, and
            where it differs.
    """
    checkpoint = os.fspath(checkpoint)
    if is_exported(checkpoint):
        from ..export.sessions import read_metadata  # which takes a while, and is not needed for all else

        return ExportedInfo(checkpoint, read_metadata(checkpoint))
    return identify_checkpoint(checkpoint)


def identify_checkpoint(checkpoint: str | os.PathLike[str]) -> CheckpointInfo:
    """The same of a checkpoint, whatever its name ends with."""
    checkpoint = os.fspath(checkpoint)
    content = CheckpointLoader.load_checkpoint(checkpoint, 'cpu', logger='silent')
    given = find_state_dict(content, checkpoint)
    below = {key.removeprefix('backbone.'): value for key, value in given.items() if key.startswith('backbone.')}
    state = below or given
    found, weights = _match(checkpoint, state, [*_closest_in_depth(state), *_from_trained_config(content, len(state))])
    whole_model = is_whole_model(given, found.network.rename_key)
    num_classes = len(trained_classes(content) or ()) if whole_model else _classifier_size(given, found.network)
    return CheckpointInfo(
        checkpoint=checkpoint,
        family=type(found.network).__name__,
        arch=found.arch,
        layout=_layout(state),
        num_classes=num_classes or None,
        whole_model=whole_model,
        backbone=weights,
        options=found.options,
        prefix='backbone.' if below else '',
        trained=read_trained_model(content) if whole_model else None,
    )


def _classifier_size(state: Mapping[str, Tensor], network: PyramidBackbone) -> int:
    """Number of classes of the image classifier in a file; 0 if there is none."""
    for key, value in state.items():
        if network.rename_key(key.removeprefix('backbone.')) == 'head.fc.weight' and value.dim() == 2:
            return value.shape[0]
    return 0


def _match(
    checkpoint: str, state: Mapping[str, Tensor], candidates: list[_Candidate]
) -> tuple[_Candidate, dict[str, Tensor]]:
    """The first candidate that the weights fit, and the weights under its keys.

    Raises:
        UserError: They fit none; the message names the one that most of them fit.
    """
    closest, closest_problems, most = candidates[0], '', -1
    for candidate in candidates:
        expected, weights = candidate.network.state_dict(), rename_keys(state, candidate.network)
        problems = describe_incompatible_keys(expected, weights)
        if not problems:
            return candidate, weights
        fit = sum(key in weights and can_load(value, weights[key]) for key, value in expected.items())
        if fit > most:
            closest, closest_problems, most = candidate, problems, fit
    raise UserError(
        f'{checkpoint} has an unknown checkpoint layout; the closest match is {closest.name} ({closest_problems})'
    )


def _layout(state: Mapping[str, Tensor]) -> str:
    if any(_OUR_LAYOUT.match(key) for key in state):
        return 'the layout of mmbackbones'
    named = (name for pattern, name in LAYOUTS.items() if any(re.match(pattern, key) for key in state))
    return next(named, "the authors' layout")


def _closest_in_depth(state: Mapping[str, Tensor]) -> list[_Candidate]:
    """The networks of all families whose numbers of blocks come closest to the file's."""
    distances = []
    for family in families():
        depths = _depths(state, family)
        for arch in {id(entry): name for name, entry in reversed(family.arch_zoo.items())}.values():  # no aliases
            theirs = family.arch_zoo[arch]['depths'][: len(depths) or 4]
            distance = sum(abs(a - b) for a, b in zip(depths or (0,) * 4, theirs, strict=True))
            distances.append((distance, family, arch, len(theirs)))
    least = min(distance for distance, *_ in distances)
    with torch.device('meta'):
        return [
            _Candidate(family(arch, out_indices=tuple(range(stages))), arch, {})
            for distance, family, arch, stages in distances
            if distance == least
        ]


def _depths(state: Mapping[str, Tensor], family: type[PyramidBackbone]) -> tuple[int, ...]:
    """Number of blocks per stage of a state dict under the key mapping of `family`."""
    found = [re.match(r'stages\.([0-3])\.(?:blocks\.)?(\d+)\.', family.rename_key(key) or '') for key in state]
    blocks = {(int(match[1]), int(match[2])) for match in found if match}
    return tuple(sum(stage == i for stage, _ in blocks) for i in range(1 + max((i for i, _ in blocks), default=-1)))


def _from_trained_config(content: object, max_blocks: int) -> list[_Candidate]:
    """The backbone of the config that a checkpoint carries; an empty list if it carries none of ours."""
    model = trained_config(content).get('model')
    backbone = model.get('backbone') if isinstance(model, dict) else None
    if not isinstance(backbone, dict):
        return []
    family = MODELS.module_dict.get(str(backbone.get('type')).rpartition('.')[2])
    if family not in families():
        return []
    options = {key: value for key, value in backbone.items() if key not in _NOT_IN_WEIGHTS}
    stages = backbone.get('out_indices', (0, 1, 2, 3))
    try:
        arch = options.pop(family.arch_argument)
        depths = arch['depths'] if isinstance(arch, dict) else ()
        if not all(_may_be_built(node['type']) for node in _dicts([arch, options]) if 'type' in node):
            return []
        if sum(depths) > max_blocks or any(len(items) > _MAX_ENTRIES for items in _lists([arch, options])):
            return []
        with torch.device('meta'):
            return [_Candidate(family(arch, out_indices=stages, **options), arch, options)]
    except Exception:  # a config that is not ours can fail in any way
        return []


def _may_be_built(kind: object) -> bool:
    if not isinstance(kind, str):
        return False
    layer = MODELS.module_dict.get(kind)
    return kind in _NORMS or getattr(layer, '__module__', '').startswith('mmbackbones.layers.')


def _dicts(node: object) -> Iterator[dict[Any, Any]]:
    if isinstance(node, dict):
        yield node
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _dicts(child)


def _lists(node: object) -> Iterator[list[Any] | tuple[Any, ...]]:
    if isinstance(node, list | tuple):
        yield node
    elif isinstance(node, dict):
        node = list(node.values())
    if isinstance(node, list | tuple):
        for child in node:
            yield from _lists(child)
