"""Parameters, multiply-adds and activation memory of whole networks, by name."""

import importlib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from ..apis.classify import ImageClassifier
from ..backbones import PyramidBackbone
from ..errors import UserError
from ..utils.config_files import config_names, read_config
from ..weights import RELEASES
from .counting import count_saved_bytes, multiply_adds

# MMDetection's own count has, since version 2, as many regions of an image for its box heads and its mask heads.
BOX_REGIONS, MASK_REGIONS = 1000, 100
DETECTION_SIZE, SEGMENTATION_SIZE = (800, 1280), (512, 512)  # default height and width in pixels


@dataclass(frozen=True)
class Complexity:
    """What one image costs.

    Attributes:
        size: Height and width of the image, in pixels.
        parameters: Number of parameters, including those of auxiliary heads.
        multiply_adds: Multiply-adds of a prediction, as :func:`~mmbackbones.analysis.counting.multiply_adds` counts.
        saved_bytes: Activation memory: what a forward pass in training, without the losses, saves for the backward
            pass, in float32 and with the plain operators, which GPUs run; those of CPUs keep less of large images. It
            is half of that of two images, because some norms cannot be trained on one.
    """

    size: tuple[int, int]
    parameters: int
    multiply_adds: int
    saved_bytes: int


class TensorForward(nn.Module):
    """A detector or segmentor of MMDetection or MMSegmentation as a function of images alone.

    Pre- and postprocessing, and the auxiliary heads of segmentors, are left out. The number of proposals depends on the
    image, so the region heads of a detector get a fixed one: :data:`BOX_REGIONS` and :data:`MASK_REGIONS` per image.

    Shape:
        (N, C, H, W) -> the heads' raw outputs.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def forward(self, images: Tensor) -> Any:
        if not getattr(self.model, 'with_roi_head', False):
            return self.model(images, mode='tensor')
        maps, heads = self.model.extract_feat(images), self.model.roi_head
        outs = [self.model.rpn_head(maps)]
        kinds = [('bbox', BOX_REGIONS)] + ([('mask', MASK_REGIONS)] if heads.with_mask else [])
        for kind, regions in kinds:
            extractors, stages = getattr(heads, f'{kind}_roi_extractor'), getattr(heads, f'{kind}_head')
            for extractor, head in zip(
                *(part if isinstance(part, nn.ModuleList) else [part] for part in (extractors, stages)), strict=True
            ):
                size = extractor.roi_layers[0].output_size
                outs.append(head(images.new_zeros(regions * len(images), extractor.out_channels, *size)))
        return tuple(outs)


def build_network(name: str) -> tuple[nn.Module, tuple[int, int]]:
    """Build a network on the meta device, that is, without memory for its weights.

    Args:
        name: File or name of a config; ``FAMILY:ARCH`` for a backbone alone, such as ``VAN:base``; or the short name of
            a released checkpoint, for the backbone with its classifier.

    Returns:
        The network, and the default height and width of its image.

    Raises:
        UserError: There is nothing of that name, or it cannot be built.
    """
    family, _, arch = name.partition(':')
    with torch.device('meta'):
        if release := RELEASES.get(name):
            return build_release(name), (release.size, release.size)
        cls = MODELS.module_dict.get(family)
        if arch and isinstance(cls, type) and issubclass(cls, PyramidBackbone):
            archs = {str(key): key for key in cls.arch_zoo}
            if arch not in archs:
                raise UserError(f'{family} has no {cls.arch_argument} {arch!r}; the choices are {", ".join(archs)}')
            return cls(archs[arch]), (224, 224)
        return _build_config(name)


def build_release(name: str) -> nn.Module:
    """Build the network of a released checkpoint, by its short name.

    ImageNet-22K weights get no classifier: their list of classes is not published.
    """
    release = RELEASES[name]
    backbone = dict(type=release.family, arch=release.arch)
    return ImageClassifier(backbone) if release.data == 'ImageNet-1K' else MODELS.build(backbone)


def _build_config(name: str) -> tuple[nn.Module, tuple[int, int]]:
    if not Path(name).is_file() and Path(name).stem not in config_names():
        raise UserError(
            f'{name!r} is not a config (like retinanet_van_b), backbone (VAN:base) or released checkpoint (van-b2)'
        )
    cfg = read_config(name)
    scope = cfg.get('default_scope')
    try:
        for library in ('mmdet', 'mmseg'):
            importlib.import_module(f'{library}.utils').register_all_modules(init_default_scope=False)
        init_default_scope(scope)
        model = MODELS.build(cfg.model)
    except Exception as error:  # a config is a program that can fail in any way
        raise UserError(f'the model of {name} cannot be built: {error}') from error
    return TensorForward(model), DETECTION_SIZE if scope == 'mmdet' else SEGMENTATION_SIZE


def measure_complexity(name: str, size: tuple[int, int] | None = None) -> Complexity:
    """Count parameters, multiply-adds and activation memory of a network.

    Args:
        name: Config, backbone or released checkpoint; see :func:`build_network`.
        size: Height and width of the image; by default 800 x 1280 for detectors, 512 x 512 for segmentors, 224 x 224
            for a backbone, and for a released checkpoint the size it was trained for.

    Raises:
        UserError: There is no such network, or it cannot take images of that size.
    """
    model, default_size = build_network(name)
    size = size or default_size
    try:
        channels = _image_channels(model)
        macs = multiply_adds(deepcopy(model).eval(), (1, channels, *size))
        saved = count_saved_bytes(model.train, (2, channels, *size)) // 2
    except Exception as error:  # a network of any config can fail in any way
        why = str(error) or type(error).__name__
        raise UserError(f'cannot count {name} for images of {size[0]}x{size[1]}: {why}') from error
    return Complexity(size, sum(param.numel() for param in model.parameters()), macs, saved)


def _image_channels(model: nn.Module) -> int:
    """Number of image channels that a network takes: 3, unless its first layer says otherwise."""
    first = (module for module in model.modules() if isinstance(module, PyramidBackbone | nn.Conv2d))
    return next((module.in_channels for module in first), 3)
