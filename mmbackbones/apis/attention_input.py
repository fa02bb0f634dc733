"""The image that ``attention`` looks at, as the backbone takes it."""

from typing import Any, NamedTuple, cast

import cv2
import numpy as np
import numpy.typing as npt
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from torch import Tensor, nn

from ..backbones import PyramidBackbone
from ..engine.device import device_of
from ..errors import UserError
from ..export.metadata import Metadata
from ..prediction.inputs import Input, InputPipeline
from ..prediction.sources import Source
from .create_backbone import families
from .load import Model

# A backbone by itself has no image scale: images that do not fit are made smaller, as those of COCO detectors are.
_LARGEST = (1333, 800)  # longer and shorter side in pixels


class AttentionInput(NamedTuple):
    """An image and the backbone that looks at it.

    Attributes:
        backbone: The network.
        batch: The image as the network takes it, (1, 3, H, W), on its device.
        seen: Height and width of the image in `batch`, in the upper left corner; the rest is padding.
        image: The image itself, uint8 (H, W, 3) in RGB.
    """

    backbone: PyramidBackbone
    batch: Tensor
    seen: tuple[int, int]
    image: npt.NDArray[np.uint8]


def input_of_model(model: Model, source: Source) -> AttentionInput:
    """An image through the test pipeline of a model, resized and normalized as for a prediction.

    Raises:
        UserError: The image cannot be read, or the model's backbone is none of this package.
    """
    backbone = getattr(model.network, 'backbone', None)
    if not isinstance(backbone, PyramidBackbone):
        known = ', '.join(sorted(family.__name__ for family in families()))
        what = 'is an exported file' if backbone is None else f'has the backbone {type(backbone).__name__}'
        raise UserError(f'{model.checkpoint} {what}: attention is shown in checkpoints with one of {known}')
    given = _read(InputPipeline(model.config), source)
    image, sample = given.read_image(), given.packed['data_samples']
    with torch.inference_mode():
        batch = cast(Any, model.network).data_preprocessor(pseudo_collate([given.packed]), False)['inputs']
    batch = batch.clone()  # usable in autograd, other than what was made in inference mode
    return _checked(backbone, batch, _seen(sample.metainfo, image, batch), image)


def input_of_backbone(network: nn.Module, metadata: Metadata, source: Source) -> AttentionInput:
    """An image for a backbone by itself, normalized as its weights expect.

    Raises:
        UserError: The image cannot be read.
    """
    steps = [dict(type='LoadImageFromFile')]
    cfg = dict(default_scope='mmdet', test_dataloader=dict(dataset=dict(pipeline=steps)))
    given = _read(InputPipeline(Config(cfg)), source)
    image = given.read_image()
    height, width = image.shape[:2]
    scale = min(1, max(_LARGEST) / max(height, width), min(_LARGEST) / min(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    pixels = cv2.resize(image, size, interpolation=cv2.INTER_AREA) if scale < 1 else image
    pixels = pixels[..., ::-1] if metadata.channel_order == 'BGR' else pixels
    mean, std = (np.array(values, np.float32) for values in (metadata.mean, metadata.std))
    normalized = (pixels - mean) / std
    batch = torch.from_numpy(np.ascontiguousarray(normalized.transpose(2, 0, 1)))[None].to(device_of(network))
    return _checked(cast(PyramidBackbone, network), batch, (size[1], size[0]), image)


def _read(pipeline: InputPipeline, source: Source) -> Input:
    failures: list[tuple[str, str]] = []
    for given in pipeline.inputs([source], failures):
        return given
    name, reason = failures[0]
    raise UserError(f'{name}: {reason}')


def _seen(metainfo: dict[str, Any], image: npt.NDArray[np.uint8], batch: Tensor) -> tuple[int, int]:
    """Height and width of the resized image, without what the pipeline and the model pad it with."""
    across, down = metainfo.get('scale_factor') or (1, 1)
    height, width = (round(side * scale) for side, scale in zip(image.shape[:2], (down, across), strict=True))
    return min(height, batch.shape[2]), min(width, batch.shape[3])


def _checked(
    backbone: PyramidBackbone, batch: Tensor, seen: tuple[int, int], image: npt.NDArray[np.uint8]
) -> AttentionInput:
    height, width = batch.shape[2:]
    if min(height, width) < backbone.min_size:
        raise UserError(
            f'the image is {width} x {height} pixels as the network sees it, and {type(backbone).__name__} takes at '
            f'least {backbone.min_size} x {backbone.min_size}: give a larger one'
        )
    return AttentionInput(backbone, batch, seen, image)
