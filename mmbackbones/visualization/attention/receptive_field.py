"""Effective receptive fields: which pixels of the image a feature depends on.

"Understanding the Effective Receptive Field in Deep Convolutional Neural Networks", https://arxiv.org/abs/1701.04128.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from ...backbones import PyramidBackbone
from .weights import Place, Values

_SQUARE = 4  # pixels, the stride of all stems: inside of it, gradients show the steps of the stem and little else


def receptive_field(backbone: PyramidBackbone, batch: Tensor, place: Place) -> Values:
    """The gradient of the features at a place with respect to the image, as the paper measures it.

    Of the features at the place, the mean absolute value over channels is differentiated, the number that the feature
    map shows there. Their plain sum would not do: a layer norm makes it almost the same everywhere. The absolute
    gradients of the pixels of each square and of their colors are added, and divided by the sum of all.

    Args:
        backbone: The network, in evaluation mode.
        batch: One image as the network takes it.
        place: A token of a stage.

    Shape:
        batch (1, C, H, W) -> values (1, ceil(H / 4), ceil(W / 4)), which add up to 1.
    """
    with torch.enable_grad(), _checkpointed(backbone):
        image = batch.detach().clone().requires_grad_()
        *_, state = backbone.run_stages(backbone.prepare(image), backbone.stages[: place.stage])
        features = backbone.feature_map(*state)[0, :, place.row, place.column]
        (gradient,) = torch.autograd.grad(features.abs().mean(), image)
    height, width = image.shape[2:]
    amount = F.pad(gradient.abs().sum(1), (0, -width % _SQUARE, 0, -height % _SQUARE))
    amount = F.avg_pool2d(amount, _SQUARE)
    share = amount / amount.sum().clamp(min=torch.finfo(amount.dtype).tiny)
    return Values('receptive-field', share, cell=(_SQUARE, _SQUARE))


@contextmanager
def _checkpointed(backbone: PyramidBackbone) -> Iterator[None]:
    """A block in which no activations inside the blocks are kept: the image may be large."""
    stages: list[Any] = [stage for stage in backbone.stages if hasattr(stage, 'with_cp')]
    before = [stage.with_cp for stage in stages]
    for stage in stages:
        stage.with_cp = True
    try:
        yield
    finally:
        for stage, value in zip(stages, before, strict=True):
            stage.with_cp = value
