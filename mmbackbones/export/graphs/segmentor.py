"""A segmentor, from the image to the scores of its classes at every pixel."""

import copy
from typing import Any

import torch.nn.functional as F
from mmseg.models.decode_heads.decode_head import BaseDecodeHead
from mmseg.models.segmentors import EncoderDecoder
from mmseg.models.utils.wrappers import Upsample
from torch import Tensor, nn

from ...errors import UserError
from ...ops import pool_to_grid


class SegmentorGraph(nn.Module):
    """The step `encode_decode` of MMSegmentation, which windows, resizing and the choice of a class come after.

    Args:
        network: The segmentor.

    Shape:
        (N, 3, H, W), normalized, for any H, W >= 32 -> (N, C, H, W), before softmax or sigmoid.

    Raises:
        UserError: The segmentor or its head does not work in this one step.
    """

    output_names = ('logits',)

    def __init__(self, network: EncoderDecoder) -> None:
        super().__init__()
        head = network.decode_head
        if type(network).encode_decode is not EncoderDecoder.encode_decode or not isinstance(head, BaseDecodeHead):
            raise UserError(
                f'cannot export {type(network).__name__} with {type(head).__name__}: of the segmentors, those with a '
                'backbone and one head, such as UperNet and Semantic FPN, can be exported'
            )
        self.network = network
        self.head = exportable_copy(head)

    def forward(self, image: Tensor) -> Tensor:
        return self.head.predict(self.network.extract_feat(image), [dict(img_shape=image.shape[2:])], {})


def exportable_copy(module: Any) -> Any:
    """A copy of a head that shares the weights, in which what is recorded for one size only is replaced."""
    shared = {id(tensor): tensor for tensor in (*module.parameters(), *module.buffers())}
    module = copy.deepcopy(module, shared)
    for parent in list(module.modules()):
        for name, child in parent.named_children():
            if isinstance(child, nn.AdaptiveAvgPool2d):
                setattr(parent, name, _PoolToGrid(child.output_size))
            elif isinstance(child, Upsample) and not child.size and float(child.scale_factor).is_integer():
                setattr(parent, name, _Upsample(int(child.scale_factor), child.mode, child.align_corners))
    return module


class _PoolToGrid(nn.Module):
    def __init__(self, grid: Any) -> None:
        super().__init__()
        self.grid = (grid, grid) if isinstance(grid, int) else grid

    def forward(self, x: Tensor) -> Tensor:
        return pool_to_grid(x, self.grid)


class _Upsample(nn.Module):
    """MMSegmentation's `Upsample`, which multiplies a size as a Python number."""

    def __init__(self, times: int, mode: str, align_corners: bool | None) -> None:
        super().__init__()
        self.times, self.mode, self.align_corners = times, mode, align_corners

    def forward(self, x: Tensor) -> Tensor:
        size = [length * self.times for length in x.shape[2:]]
        return F.interpolate(x, size, mode=self.mode, align_corners=self.align_corners)
