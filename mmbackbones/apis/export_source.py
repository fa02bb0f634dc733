"""What ``export`` is asked for: a trained model, or a backbone by itself, with what its file is to say of it."""

import os
from copy import deepcopy
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from torch import nn

from ..backbones import PyramidBackbone
from ..engine.checkpoint_config import carried_config
from ..engine.config_tree import set_num_classes
from ..engine.img_scale import set_img_scale
from ..errors import UserError
from ..export.metadata import FEATURES, Metadata, plain
from ..utils.config_files import ConfigLike, config_names, read_config
from ..weights import RELEASES, find_state_dict, load_from_file, read_trained_config
from .create_backbone import create_backbone, list_backbones
from .identify import identify_checkpoint
from .load import load

# What a file carries of a config: as much as testing and predicting read of it.
_CARRIED = (
    'default_scope',
    'model',
    'data_preprocessor',
    'train_dataloader',
    'test_dataloader',
    'test_evaluator',
    'test_cfg',
    'tta_model',
    'tta_pipeline',
    'log_level',
)
_LIBRARIES = ('mmengine', 'mmdet', 'mmsegmentation', 'onnx', 'openvino')
_IMAGENET = ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375))  # mean and deviation, RGB


@dataclass(frozen=True)
class Source:
    """What is exported.

    Attributes:
        network: The trained model, or a backbone, in evaluation mode, on the CPU.
        metadata: What the file is to say of it, but for sizes and versions of operators.
        carried: The config of a whole model, as a test reads it from the file; None for a backbone.
        random: Whether its weights are random.
    """

    network: nn.Module
    metadata: Metadata
    carried: Config | None = None
    random: bool = False


def find_source(
    checkpoint: str, config: ConfigLike | None, weights: str | None, img_scale: tuple[int, int] | None
) -> Source:
    """Load what is to be exported.

    Args:
        checkpoint: A checkpoint of a whole model or of a backbone; the name of a config, a backbone or its weights.
        config: As of :func:`~mmbackbones.apis.load`; only with the checkpoint of a whole model.
        weights: The weights of a backbone that is named.
        img_scale: Width and height that images are to be resized to fit into; None for those of the config.

    Raises:
        UserError: There is no such thing, or it cannot be loaded.
    """
    alone = find_backbone(checkpoint, config, weights)
    return alone or _whole_model(checkpoint, load_from_file(checkpoint, 'cpu'), config, img_scale)


def find_backbone(checkpoint: str, config: ConfigLike | None, weights: str | None) -> Source | None:
    """The same, if it is a backbone alone; None if it is the checkpoint of a whole model."""
    is_file = os.path.exists(checkpoint) or '://' in checkpoint
    named = not is_file and (checkpoint.endswith('.py') or checkpoint in config_names())
    if named or (not is_file and checkpoint in {*list_backbones(), *RELEASES}):
        if config is not None:
            raise UserError(f'--config says how a checkpoint was trained, and {checkpoint} is none: leave it out')
        return _named_config(checkpoint, weights) if named else _named_backbone(checkpoint, weights)
    if weights is not None:
        raise UserError(
            f'--weights gives a backbone that is named its weights, but {checkpoint} holds weights itself: leave it out'
        )
    parts = {key.partition('.')[0] for key in find_state_dict(load_from_file(checkpoint, 'cpu'), checkpoint)}
    if config is None and ('backbone' not in parts or parts <= {'backbone', 'head'}):
        return _backbone(_identified(checkpoint), checkpoint)
    return None


def _whole_model(checkpoint: str, content: Any, config: ConfigLike | None, img_scale: Any) -> Source:
    model = load(checkpoint, 'cpu', config)
    trained = read_trained_config(content, checkpoint) if config is None else read_config(config).to_dict()
    cfg = Config(deepcopy({key: trained[key] for key in _CARRIED if trained.get(key) is not None}))
    set_num_classes(cfg, len(model.classes))
    if img_scale:
        set_img_scale(cfg, *img_scale)
    meta = content.get('meta') if isinstance(content, dict) else None
    meta = meta.get('dataset_meta') if isinstance(meta, dict) else None
    backbone = getattr(model.network, 'backbone', None)
    normalization = model.normalization
    metadata = Metadata(
        task=model.task,
        network=type(model.network).__name__ + (f' with {type(backbone).__name__}' if backbone is not None else ''),
        config=''.join(f'{key} = {value!r}\n' for key, value in cfg.to_dict().items()),
        dataset_meta={**plain(meta or {}), 'classes': list(model.classes)},
        img_scale=img_scale or model.img_scale,
        keep_ratio=_keeps_ratio(cfg),
        mean=normalization.mean if normalization else (),
        std=normalization.std if normalization else (),
        channel_order=normalization.channel_order if normalization else 'BGR',
        versions=_versions(),
    )
    # What cannot be read from the file is refused now.
    carried = carried_config(metadata.content, 'the exported file', loader=False)
    return Source(model.network, metadata, carried)


def _keeps_ratio(cfg: Config) -> bool:
    steps = cfg.test_dataloader.dataset.pipeline
    return next((bool(step.get('keep_ratio')) for step in steps if step.type == 'Resize'), True)


def _named_config(name: str, weights: str | None) -> Source:
    cfg = read_config(name)
    part = cfg.model.get('backbone') if 'model' in cfg else None
    if not part:
        raise UserError(f'{name} has no model.backbone, and of a config only the backbone is taken')
    part = dict(part, init_cfg=None)
    if weights:
        found = identify_checkpoint(weights)
        part['init_cfg'] = dict(found.pretrained_config['init_cfg'])
    network = MODELS.build(part)
    if not isinstance(network, PyramidBackbone):
        raise UserError(f'the backbone of {name} is {type(network).__name__}, which is none of this package')
    if weights:
        network.init_weights()
    return _backbone(network, weights, cfg)


def _named_backbone(name: str, weights: str | None) -> Source:
    if weights is None and name in RELEASES:
        return _backbone(_identified(name), name)
    if name in RELEASES and name not in list_backbones():
        raise UserError(f'{name} is the name of weights: leave out --weights, or name a backbone')
    return _backbone(create_backbone(name, pretrained=weights or False), weights)


def _identified(checkpoint: str) -> nn.Module:
    """The backbone in a checkpoint of it, with all of its maps."""
    found = identify_checkpoint(checkpoint)
    network = MODELS.build(dict(found.config))
    network.load_state_dict(found.backbone, strict=False)  # what `identify` has checked
    return network


def _backbone(network: nn.Module, weights: str | None, cfg: Config | None = None) -> Source:
    """A backbone, with the normalization that its weights or its config were made for."""
    settings = cfg.model.get('data_preprocessor') if cfg is not None else None
    release = RELEASES.get(weights or '')
    mean, std = (release.mean, release.std) if release else _IMAGENET
    if settings and settings.get('mean'):
        mean, std = settings.mean, settings.std
    order = 'RGB' if not settings or settings.get('bgr_to_rgb') else 'BGR'
    metadata = Metadata(
        task=FEATURES,
        network=type(network).__name__,
        mean=tuple(map(float, mean)),
        std=tuple(map(float, std)),
        channel_order=order,
        versions=_versions(),
    )
    return Source(network.eval(), metadata, random=weights is None)


def _versions() -> dict[str, str]:
    from .. import __version__

    found = dict(mmbackbones=__version__, torch=torch.__version__)
    for name in _LIBRARIES:
        for distribution in (name, f'onedl-{name}'):
            try:
                found.setdefault(name, version(distribution))
            except PackageNotFoundError:
                continue
    return found
