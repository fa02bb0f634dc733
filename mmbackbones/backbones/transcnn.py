"""TransCNN: "Transformer in Convolutional Neural Networks", https://arxiv.org/abs/2106.03180 (v1 and v2).

The paper's H-MHSA is in :mod:`mmbackbones.layers.hierarchical_attention`, its IRB in
:mod:`mmbackbones.layers.inverted_residual`, its two-branch downsampling in :mod:`mmbackbones.layers.downsample`; here
they become :class:`Block`, :class:`Stage` and the network.

The authors' code and weights: https://github.com/yun-liu/TransCNN, today https://github.com/yun-liu/HAT-Net. They give
no license, so nothing is copied from there; the released networks are rebuilt from the names and shapes of their
weights and from computed values.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache
from inspect import signature

from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import trunc_normal_init
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import (
    InvertedResidualBottleneck,
    TwoBranchDownsampling,
    conv_norm_act,
    fold_norm_after,
    init_conv_fan_out,
    run_blocks,
)
from ..ops import conv_pointwise, is_recording
from ..weights.families.transcnn import rename_transcnn_key
from .base import PyramidBackbone


class Stem(nn.Module):
    """The stem: two 3x3 convolutions of stride 2; a norm and SiLU follow the first one, which is 16 channels wide.

    Shape:
        (N, C_in, H, W) -> (N, C, ceil(H / 4), ceil(W / 4)).
    """

    def __init__(self, in_channels: int, channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, stride=2, padding=1)
        self.norm1 = build_norm_layer(norm_cfg, 16)[1]
        self.conv2 = nn.Conv2d(16, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return conv_pointwise(self.conv2, conv_norm_act(self.conv1, self.norm1, x, 'silu'))

    def fuse(self) -> None:
        """Fold the norm into the convolution, for inference."""
        self.norm1 = fold_norm_after(self.conv1, self.norm1)


class Block(nn.Module):
    """A block: ``x + H-MHSA(x)``, then ``x + IRB(x)``.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, attention: nn.Module, irb: InvertedResidualBottleneck, drop_path: float) -> None:
        super().__init__()
        self.attn = attention
        self.irb = irb
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        for branch in (self.attn, self.irb):
            drops = self.training and self.drop_path.drop_prob
            if drops or is_recording() or not _takes_residual(branch.forward):
                x = x + self.drop_path(branch(x))
            else:
                x = branch(x, residual=x)
        return x


def _takes_residual(forward: Callable) -> bool:
    return _has_residual(getattr(forward, '__func__', forward))


@lru_cache
def _has_residual(function: Callable) -> bool:
    return 'residual' in signature(function).parameters


class Stage(nn.Module):
    """Downsampling (the first stage's is the stem) and blocks, whose last output is the feature map.

    Shape:
        (N, C_in, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)), the first stage keeps H and W.
    """

    def __init__(self, downsample: nn.Module, blocks: list[Block], with_cp: bool) -> None:
        super().__init__()
        self.downsample = downsample
        self.blocks = nn.ModuleList(blocks)
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        (x,) = run_blocks(self.blocks, self.downsample(x), with_cp=self.with_cp)
        return x


def _init(module: nn.Module) -> None:
    """Initialize every block close to the identity, without which training from scratch makes little progress."""
    init_conv_fan_out(module)
    if isinstance(module, Block):
        for conv in module.attn.modules():
            if isinstance(conv, nn.Conv2d):
                trunc_normal_init(conv, std=0.02)  # as transformers initialize their projections
        if module.irb.project_norm.weight is not None:  # a norm without weights, by `norm_cfg`
            nn.init.zeros_(module.irb.project_norm.weight)


def two_step(grid_sizes: tuple[int, ...], pool_ratios: tuple[int, ...]) -> tuple[dict, ...]:
    """Configs of the attention in each stage of a released network: two steps in three stages, full in the last."""
    return *(
        dict(type='HierarchicalSelfAttention2d', grid_size=grid, pool_ratio=ratio)
        for grid, ratio in zip(grid_sizes, pool_ratios, strict=True)
    ), dict(type='MultiHeadSelfAttention2d')


def _arch(
    embed_dims: tuple[int, ...],
    depths: tuple[int, ...],
    expansions: tuple[int, ...],
    attentions: tuple[dict, ...] = two_step((8, 8, 8), (8, 4, 2)),
) -> dict:
    return dict(
        embed_dims=embed_dims,
        depths=depths,
        head_dim=64,
        expansions=expansions,
        kernel_sizes=(5, 3, 5, 3),
        attentions=attentions,
    )


# The paper's tables are known only at second hand, from an unofficial re-implementation (Kunhong Yu, 2021-07-22) that
# itself calls them ambiguous. It gives the grids as 8-4-2, 7-4-2, 3-2-2 and 2-2-2; the last number of each is left out
# here, because the last step attends over the whole map whatever its size.
_CASCADE = tuple(dict(type='CascadedSelfAttention2d', grid_sizes=sizes) for sizes in ((8, 4), (7, 4), (3, 2), (2, 2)))


@MODELS.register_module()
class TransCNN(PyramidBackbone):
    """TransCNN, which loads the authors' checkpoints as released.

    `tiny` to `large` are the released networks (two steps, :class:`~mmbackbones.layers.HierarchicalSelfAttention2d`).
    `paper-small` and `paper-base` follow the paper (:class:`~mmbackbones.layers.CascadedSelfAttention2d`). No weights
    were released for them, and their exact grids are not certain. The release's "small" is not the paper's.

    Args:
        arch: `tiny`, `small`, `medium` or `large`, `t`, `s`, `m` or `l` for short; `paper-small` or `paper-base`; or a
            dict with ``head_dim`` and, with one entry per stage, ``embed_dims``, ``depths``, ``expansions``,
            ``kernel_sizes`` (of the depthwise convolutions) and ``attentions`` (configs of layers that take
            ``in_channels``, ``head_dim`` and ``norm_cfg`` and are called with a map; if they take ``residual``, too,
            they add it to their result).
        in_channels: See :class:`PyramidBackbone`, as for all following arguments, shapes and attributes.
        out_indices: See :class:`PyramidBackbone`.
        frozen_stages: See :class:`PyramidBackbone`.
        norm_eval: See :class:`PyramidBackbone`.
        drop_path_rate: See :class:`PyramidBackbone`.
        norm_cfg: See :class:`PyramidBackbone`.
        with_cp: See :class:`PyramidBackbone`.
        init_cfg: See :class:`PyramidBackbone`.

    Raises:
        ValueError: Channels are not a multiple of ``head_dim``, or whatever :class:`PyramidBackbone` refuses.
    """

    arch_zoo = {
        **dict.fromkeys(('tiny', 't'), _arch((64, 128, 256, 512), (2, 2, 4, 2), (4, 4, 4, 4))),
        **dict.fromkeys(('small', 's'), _arch((64, 128, 256, 512), (3, 4, 8, 3), (4, 4, 6, 6))),
        **dict.fromkeys(('medium', 'm'), _arch((64, 128, 320, 640), (3, 4, 12, 3), (4, 4, 6, 6))),
        **dict.fromkeys(('large', 'l'), _arch((64, 128, 384, 768), (3, 4, 16, 3), (4, 4, 6, 6))),
        'paper-small': _arch((64, 128, 256, 512), (2, 2, 2, 2), (4, 4, 6, 5), _CASCADE),
        'paper-base': _arch((64, 128, 256, 512), (3, 4, 8, 3), (4, 4, 6, 6), _CASCADE),
    }
    irb_norms = 'each'  # see InvertedResidualBottleneck

    def __init__(
        self,
        arch: str | dict = 'tiny',
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
            arch, in_channels, out_indices, frozen_stages, norm_eval, drop_path_rate, norm_cfg, with_cp, init_cfg
        )
        dims = self.arch['embed_dims']
        self.stem = Stem(self.in_channels, dims[0], self.norm_cfg)
        for i in range(self.num_stages):
            downsample = self.build_downsample(dims[i - 1], dims[i]) if i else nn.Identity()
            blocks = [self.build_block(i, rate) for rate in self.drop_path_rates(self.arch['depths'], i)]
            self.stages.append(Stage(downsample, blocks, self.with_cp))
        self.apply(_init)
        self.freeze_stages()

    @staticmethod
    def rename_key(key: str) -> str | None:
        return rename_transcnn_key(key)

    def build_downsample(self, in_channels: int, out_channels: int) -> nn.Module:
        """The layer that halves the map between two stages."""
        return TwoBranchDownsampling(in_channels, out_channels, self.norm_cfg)

    def build_block(self, stage: int, drop_path: float) -> Block:
        """A block of a stage, 0 to 3."""
        channels, expansion, kernel_size, attention = (
            self.arch[key][stage] for key in ('embed_dims', 'expansions', 'kernel_sizes', 'attentions')
        )
        return Block(
            MODELS.build(dict(attention, in_channels=channels, head_dim=self.arch['head_dim'], norm_cfg=self.norm_cfg)),
            InvertedResidualBottleneck(channels, expansion, kernel_size, self.norm_cfg, self.irb_norms),
            drop_path,
        )
