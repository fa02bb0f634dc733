"""What a network costs: parameters, multiply-adds, and memory for training."""

import importlib
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

import torch
from mmengine.registry import MODELS, init_default_scope
from torch import Tensor, nn

from ..apis.classify import ImageClassifier
from ..backbones import PyramidBackbone
from ..errors import UserError
from ..utils.config_files import config_path, read_config
from ..weights import RELEASES
from .counting import count_saved_bytes, multiply_adds

# Region heads are counted as MMDetection's own count has it since version 2: boxes of 1000 regions, masks of 100.
BOX_REGIONS, MASK_REGIONS = 1000, 100
DETECTION, SEGMENTATION = (800, 1280), (512, 512)  # rows and columns, where no others are asked for


@dataclass(frozen=True)
class Cost:
    """What one image costs.

    Attributes:
        size: Height and width of the image, in pixels.
        parameters: Number of parameters, those of heads that only training uses among them.
        multiply_adds: Of a prediction; :func:`~mmbackbones.analysis.counting.multiply_adds` says what counts.
        saved_bytes: What a forward pass in training, without the losses, keeps for the backward pass, in float32 and
            with the kernels of a CPU; half of that for two images, because some norms can't be trained on one.
    """

    size: tuple[int, int]
    parameters: int
    multiply_adds: int
    saved_bytes: int


class Network(nn.Module):
    """A detector or segmentor of MMDetection or MMSegmentation as a function of images alone.

    Pre- and postprocessing, and the auxiliary heads of segmentors, are left out. Which regions there are in an image,
    nobody knows beforehand: the region heads of a detector get as many as :data:`BOX_REGIONS` and :data:`MASK_REGIONS`.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model = model

    def forward(self, images: Tensor) -> tuple:
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
    """The network called `name`, without memory for its weights, and the size of image it is usually counted at.

    Args:
        name: File or name of a config; ``FAMILY:ARCH`` for a backbone alone, as in ``VAN:base``; or the short name of a
            released checkpoint, for the backbone with its classifier.

    Raises:
        UserError: There is nothing of that name, or it can't be built.
    """
    family, _, arch = name.partition(':')
    with torch.device('meta'):
        if release := RELEASES.get(name):
            return build_release(name), (release.size, release.size)
        cls = MODELS.module_dict.get(family)
        if arch and isinstance(cls, type) and issubclass(cls, PyramidBackbone):
            archs = {str(key): key for key in cls.arch_zoo}
            if arch not in archs:
                raise UserError(f'{family} has no {cls.arch_argument} {arch!r}; there are {", ".join(archs)}')
            return cls(archs[arch]), (224, 224)
        return _build_config(name)


def build_release(name: str) -> nn.Module:
    """The network of a released checkpoint; of what was trained on ImageNet-22K, whose classes nobody tells, without
    the classifier."""
    release = RELEASES[name]
    backbone = dict(type=release.family, arch=release.arch)
    return ImageClassifier(backbone) if release.data == 'ImageNet-1K' else MODELS.build(backbone)


def _build_config(name: str) -> tuple[nn.Module, tuple[int, int]]:
    try:
        cfg = read_config(name if Path(name).is_file() else config_path(name))
    except UserError as error:
        if Path(name).is_file():
            raise
        raise UserError(
            f'{name!r} is no config (retinanet_van_b), no backbone (VAN:base) and no released checkpoint (van-b2)'
        ) from error
    scope = cfg.get('default_scope')
    try:
        for library in ('mmdet', 'mmseg'):
            importlib.import_module(f'{library}.utils').register_all_modules(init_default_scope=False)
        init_default_scope(scope)
        model = MODELS.build(cfg.model)
    except Exception as error:  # a config is a program: anything can go wrong in it
        raise UserError(f'the model of {name} cannot be built: {error}') from error
    return Network(model), DETECTION if scope == 'mmdet' else SEGMENTATION


def cost(name: str, size: tuple[int, int] | None = None) -> Cost:
    """Count what the network called `name` costs. See :func:`build_network` for names.

    Args:
        size: Height and width of the image; by default 800 x 1280 for detectors, 512 x 512 for segmentors, 224 x 224
            for a backbone, and for a released checkpoint what it was trained for.

    Raises:
        UserError: There is no such network, or it can't take images of that size.
    """
    model, usual = build_network(name)
    size = size or usual
    try:
        channels = _image_channels(model)
        products = multiply_adds(deepcopy(model).eval(), (1, channels, *size))
        saved = count_saved_bytes(model.train, (2, channels, *size)) // 2
    except Exception as error:  # other people's networks fail in ways of their own
        why = str(error) or type(error).__name__
        raise UserError(f'{name} cannot be counted for images of {size[0]}x{size[1]}: {why}') from error
    return Cost(size, sum(param.numel() for param in model.parameters()), products, saved)


def _image_channels(model: nn.Module) -> int:
    """Channels of the images that a network takes: 3, unless its backbone says otherwise."""
    first = (module for module in model.modules() if isinstance(module, PyramidBackbone | nn.Conv2d))
    return next((module.in_channels for module in first), 3)
