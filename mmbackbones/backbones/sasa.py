"""SASA: "Stand-Alone Self-Attention in Vision Models", https://arxiv.org/abs/1906.05909 (NeurIPS, 2019).

Sections 2.2 and 3.1 are :class:`mmbackbones.layers.LocalAttention2d` and :class:`Bottleneck`; Section 3.2 is
:class:`mmbackbones.layers.SpatiallyAwareAttention` and :func:`attention_stem`; Section 4.1 is :class:`SASAResNet`.

The authors released neither code nor weights: all follows the paper.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import ConvNorm, SpatiallyAwareAttention, run_blocks
from .base import PyramidBackbone


def conv_stem(in_channels: int, out_channels: int, norm_cfg: dict) -> nn.Sequential:
    """Build the stem of ResNet: 7x7 convolution of stride 2, norm, ReLU, 3x3 max pooling of stride 2.

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / 4), ceil(W / 4)).
    """
    return nn.Sequential(
        ConvNorm(in_channels, out_channels, 7, stride=2, padding=3, norm_cfg=norm_cfg),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


def attention_stem(in_channels: int, out_channels: int, norm_cfg: dict, **attention) -> nn.Sequential:
    """Build the attention stem (Sections 3.2 and 4.1): attention in each 4x4 block, norm, 4x4 max pooling; no ReLU.

    A block that the image does not fill attends to, and pools over, the pixels that it has.

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / 4), ceil(W / 4)).
    """
    return nn.Sequential(
        SpatiallyAwareAttention(in_channels, out_channels, **attention),
        build_norm_layer(norm_cfg, out_channels)[1],
        nn.MaxPool2d(4, ceil_mode=True),
    )


class Bottleneck(nn.Module):
    """A bottleneck block (Section 3.1): 1x1 down, 3x3 or attention in its place, 1x1 up, residual connection.

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / stride), ceil(W / stride)).
    """

    expansion = 4

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        stride: int,
        drop_path: float,
        spatial_cfg: dict | None,
        norm_cfg: dict,
    ) -> None:
        super().__init__()
        width = out_channels // self.expansion
        self.down = ConvNorm(in_channels, width, 1, norm_cfg=norm_cfg)
        self.spatial = ConvNorm(width, width, 3, stride, padding=1, conv_cfg=spatial_cfg, norm_cfg=norm_cfg)
        self.up = ConvNorm(width, out_channels, 1, norm_cfg=norm_cfg, act_cfg=None)
        if self.up.norm.weight is not None:  # a norm without weights, by `norm_cfg`
            nn.init.zeros_(self.up.norm.weight)  # starts as the identity, as in mmdet's ResNet: trains faster
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels or stride != 1:
            self.shortcut = ConvNorm(in_channels, out_channels, 1, stride, norm_cfg=norm_cfg, act_cfg=None)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        y, shortcut = self.spatial(self.down(x)), self.shortcut(x)
        if self.drop_path.training:
            return F.relu(shortcut + self.drop_path(self.up(y)))
        return F.relu(self.up(y, residual=shortcut))


class Stage(nn.Sequential):
    """Bottleneck blocks, a "layer group" in the paper, of which the first has the stride.

    Shape:
        (N, C_in, H, W) -> (N, C, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, *blocks: Bottleneck, with_cp: bool) -> None:
        super().__init__(*blocks)
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        (x,) = run_blocks(self, x, with_cp=self.with_cp)
        return x


def _arch(*depths: int) -> dict:
    return dict(embed_dims=(256, 512, 1024, 2048), depths=depths)


@MODELS.register_module()
class SASAResNet(PyramidBackbone):
    """ResNet-26, 38 or 50 with local self-attention in place of its 3x3 convolutions (Section 4.1).

    With ``attention_stages=()`` and ``stem='conv'`` it is the ordinary ResNet, the paper's baseline.

    Args:
        depth: 26, 38 or 50, or a dict with the keys ``embed_dims`` (channels of each map, four times the width of the
            stage) and ``depths`` (blocks), each with one entry per stage.
        stem: `conv` or `attention`.
        attention_stages: The stages with attention, 0 to 3: groups 1 to 4 of Table 3. The others have convolutions.
        kernel_size: Spatial extent k of the attention, in pixels (Table 4).
        heads: Number of attention heads in every stage.
        stem_cfg: Further arguments of the attention stem, see :class:`mmbackbones.layers.SpatiallyAwareAttention`: its
            own window, heads and number of mixtures.
        in_channels: See :class:`PyramidBackbone`, as for all following arguments, shapes and attributes.
        out_indices: See :class:`PyramidBackbone`.
        frozen_stages: See :class:`PyramidBackbone`.
        norm_eval: See :class:`PyramidBackbone`.
        drop_path_rate: See :class:`PyramidBackbone`.
        norm_cfg: See :class:`PyramidBackbone`.
        with_cp: See :class:`PyramidBackbone`.
        init_cfg: See :class:`PyramidBackbone`.

    Raises:
        ValueError: An unknown `stem` or stage, a `stem_cfg` for the convolutional stem, channels that cannot be split
            into the heads, or whatever :class:`PyramidBackbone` refuses.
    """

    arch_zoo = {26: _arch(1, 2, 4, 1), 38: _arch(2, 3, 5, 2), 50: _arch(3, 4, 6, 3)}
    arch_argument = 'depth'

    def __init__(
        self,
        depth: int | dict = 50,
        stem: str = 'conv',
        attention_stages: Sequence[int] = (0, 1, 2, 3),
        kernel_size: int = 7,
        heads: int = 8,
        stem_cfg: dict | None = None,
        in_channels: int = 3,
        out_indices: Sequence[int] = (0, 1, 2, 3),
        frozen_stages: int = -1,
        norm_eval: bool = False,
        drop_path_rate: float = 0.0,
        norm_cfg: dict | None = None,
        with_cp: bool = False,
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(
            depth, in_channels, out_indices, frozen_stages, norm_eval, drop_path_rate, norm_cfg, with_cp, init_cfg
        )
        if not (isinstance(attention_stages, Sequence) and set(attention_stages) <= set(range(4))):
            raise ValueError(f'attention_stages must be stage numbers from 0 to 3, got {attention_stages!r}')
        if stem not in ('conv', 'attention') or (stem == 'conv' and stem_cfg):
            raise ValueError(f"stem must be 'conv' (without stem_cfg) or 'attention', got {stem!r} and {stem_cfg!r}")
        dims, depths = self.arch['embed_dims'], self.arch['depths']
        channels = dims[0] // Bottleneck.expansion
        build_stem = conv_stem if stem == 'conv' else attention_stem
        self.stem = build_stem(self.in_channels, channels, self.norm_cfg, **(stem_cfg or {}))
        attention = dict(type='LocalAttention2d', kernel_size=kernel_size, heads=heads)
        for i in range(self.num_stages):
            blocks = []
            for j, drop_path in enumerate(self.drop_path_rates(depths, i)):
                stride = 2 if i > 0 and j == 0 else 1
                spatial_cfg = attention if i in attention_stages else None
                blocks.append(Bottleneck(channels, dims[i], stride, drop_path, spatial_cfg, self.norm_cfg))
                channels = dims[i]
            self.stages.append(Stage(*blocks, with_cp=self.with_cp))
        self.freeze_stages()
