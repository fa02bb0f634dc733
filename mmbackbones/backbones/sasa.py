"""ResNets of "Stand-Alone Self-Attention in Vision Models", https://arxiv.org/abs/1906.05909 (NeurIPS, 2019)."""

from collections.abc import Sequence

import torch.nn.functional as F
from mmcv.cnn import ConvModule, build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import SpatiallyAwareAttention, run_blocks
from .base import PyramidBackbone


def conv_stem(in_channels: int, out_channels: int, norm_cfg: dict) -> nn.Sequential:
    """The stem of ResNet: 7x7 convolution of stride 2, norm, ReLU, 3x3 max pooling of stride 2.

    Shapes: (N, C_in, H, W) -> (N, C_out, ceil(H / 4), ceil(W / 4)).
    """
    return nn.Sequential(
        ConvModule(in_channels, out_channels, 7, stride=2, padding=3, norm_cfg=norm_cfg),
        nn.MaxPool2d(3, stride=2, padding=1),
    )


def attention_stem(in_channels: int, out_channels: int, norm_cfg: dict, **attention) -> nn.Sequential:
    """The attention stem (Sections 3.2 and 4.1): attention in each 4x4 block, norm, 4x4 max pooling; no ReLU.

    A block that the image does not fill attends to and pools over the pixels that are there.

    Shapes: (N, C_in, H, W) -> (N, C_out, ceil(H / 4), ceil(W / 4)).
    """
    return nn.Sequential(
        SpatiallyAwareAttention(in_channels, out_channels, **attention),
        build_norm_layer(norm_cfg, out_channels)[1],
        nn.MaxPool2d(4, ceil_mode=True),
    )


class Bottleneck(nn.Module):
    """A bottleneck block (Section 3.1): 1x1 down, 3x3 or the attention in its place, 1x1 up, and a shortcut.

    Shapes: (N, C_in, H, W) -> (N, C_out, ceil(H / stride), ceil(W / stride)).
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
        self.down = ConvModule(in_channels, width, 1, norm_cfg=norm_cfg)
        self.spatial = ConvModule(width, width, 3, stride, padding=1, conv_cfg=spatial_cfg, norm_cfg=norm_cfg)
        self.up = ConvModule(width, out_channels, 1, norm_cfg=norm_cfg, act_cfg=None)
        nn.init.zeros_(self.up.norm.weight)  # a block begins as its shortcut, as in mmdet's ResNet: it trains sooner
        self.shortcut: nn.Module = nn.Identity()
        if in_channels != out_channels or stride != 1:
            self.shortcut = ConvModule(in_channels, out_channels, 1, stride, norm_cfg=norm_cfg, act_cfg=None)
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.shortcut(x) + self.drop_path(self.up(self.spatial(self.down(x)))))


class Stage(nn.Sequential):
    """Bottleneck blocks, "layer group" in the paper; its first block brings it to its stride."""

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
    """ResNet-26, 38 or 50 with local self-attention in the place of its 3x3 convolutions (Section 4.1).

    With ``attention_stages=()`` and ``stem='conv'`` it is the ordinary ResNet, the paper's baseline.

    Args:
        depth: 26, 38 or 50, or a dict with the keys ``embed_dims`` (channels of each map, four times a stage's width)
            and ``depths`` (blocks), each with one entry a stage.
        stem: `conv` or `attention`.
        attention_stages: The stages that attend, 0 to 3: groups 1 to 4 of Table 3. The others convolve.
        kernel_size: Spatial extent k of the attention, in pixels (Table 4).
        heads: Attention heads in every stage.
        stem_cfg: Further arguments of the attention stem, see :class:`mmbackbones.layers.SpatiallyAwareAttention`: its
            own window and heads, and the number of mixtures.
        norm_cfg and others, shapes: See :class:`PyramidBackbone`.

    Raises:
        ValueError: An unknown `stem` or stage, a `stem_cfg` for the convolutional stem, widths that the heads cannot
            share, and whatever :class:`PyramidBackbone` refuses.
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
        norm_cfg: dict | None = None,
        **kwargs,
    ) -> None:
        super().__init__(depth, norm_cfg=norm_cfg or dict(type='BN'), **kwargs)
        if not (isinstance(attention_stages, Sequence) and set(attention_stages) <= set(range(4))):
            raise ValueError(f'attention_stages must be stage numbers from 0 to 3, got {attention_stages!r}')
        if stem not in ('conv', 'attention') or (stem == 'conv' and stem_cfg):
            raise ValueError(f'stem must be conv, or attention with or without stem_cfg, got {stem!r} and {stem_cfg!r}')
        dims, depths = self.arch['embed_dims'], self.arch['depths']
        channels = dims[0] // Bottleneck.expansion
        build_stem = conv_stem if stem == 'conv' else attention_stem
        self.stem = build_stem(self.in_channels, channels, self.norm_cfg, **(stem_cfg or {}))
        attention = dict(type='LocalAttention', kernel_size=kernel_size, heads=heads)
        for i in range(self.num_stages):
            blocks = []
            for j, drop_path in enumerate(self.drop_path_rates(depths, i)):
                stride = 2 if i > 0 and j == 0 else 1
                spatial_cfg = attention if i in attention_stages else None
                blocks.append(Bottleneck(channels, dims[i], stride, drop_path, spatial_cfg, self.norm_cfg))
                channels = dims[i]
            self.stages.append(Stage(*blocks, with_cp=self.with_cp))
        self.freeze_stages()
