"""TransCNN, "Transformer in Convolutional Neural Networks", https://arxiv.org/abs/2106.03180 (v1, v2)."""

from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.model import trunc_normal_init
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import InvertedResidualBottleneck, TwoBranchDownsampling, init_conv_fan_out, run_blocks
from ..weights.families.transcnn import rename_transcnn_key
from .base import PyramidBackbone


class Stem(nn.Module):
    """Two 3x3 convolutions of stride 2; the first one, 16 channels wide, is followed by a norm and SiLU.

    Shapes: (N, C_in, H, W) -> (N, C, ceil(H / 4), ceil(W / 4)).
    """

    def __init__(self, in_channels: int, channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, stride=2, padding=1)
        self.norm1 = build_norm_layer(norm_cfg, 16)[1]
        self.act = nn.SiLU()
        self.conv2 = nn.Conv2d(16, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return self.conv2(self.act(self.norm1(self.conv1(x))))


class Block(nn.Module):
    """A block: ``x + HMHSA(x)``, then ``x + IRB(x)``.

    Shapes: (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, attention: nn.Module, irb: nn.Module, drop_path: float) -> None:
        super().__init__()
        self.attn = attention
        self.irb = irb
        self.drop_path = DropPath(drop_path)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.drop_path(self.attn(x))
        return x + self.drop_path(self.irb(x))


class Stage(nn.Module):
    """Downsampling (the first stage's is the stem) and blocks, whose last output is the feature map.

    Shapes: (N, C_in, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)), the first stage keeps H and W.
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
    """Let every block begin close to the identity; without it, training from scratch hardly gets off the ground."""
    init_conv_fan_out(module)
    if isinstance(module, Block):
        for conv in module.attn.modules():
            if isinstance(conv, nn.Conv2d):
                trunc_normal_init(conv, std=0.02)  # as transformers draw their projections
        nn.init.zeros_(module.irb.project_norm.weight)


def two_step(grid_sizes: tuple[int, ...], pool_ratios: tuple[int, ...]) -> tuple[dict, ...]:
    """The attentions of a released network: two steps in the stages with a grid size, full attention in the last."""
    return *(
        dict(type='HMHSA', grid_size=grid, pool_ratio=ratio)
        for grid, ratio in zip(grid_sizes, pool_ratios, strict=True)
    ), dict(type='MHSA')


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


# The article's tables are known at second hand only, from an unofficial re-implementation (Kunhong Yu, 2021-07-22) that
# calls them ambiguous itself. It gives the grids as 8-4-2, 7-4-2, 3-2-2 and 2-2-2; the last number of each is left out
# here, because the last step spans the map whatever its size.
_CASCADE = tuple(dict(type='CascadedHMHSA', grid_sizes=sizes) for sizes in ((8, 4), (7, 4), (3, 2), (2, 2)))


@MODELS.register_module()
class TransCNN(PyramidBackbone):
    """TransCNN, loading the authors' files as released.

    ``tiny`` to ``large`` are the networks of the authors' release (two-step :class:`~mmbackbones.layers.HMHSA`).
    ``paper-small`` and ``paper-base`` follow the article's description (:class:`~mmbackbones.layers.CascadedHMHSA`).
    No weights were released for them, and their exact grids are not certain. The release's "small" is not the paper's.

    Args and shapes: see :class:`PyramidBackbone`. An `arch` dict has ``head_dim`` and, with one entry a stage, the keys
        ``embed_dims``, ``depths``, ``expansions``, ``kernel_sizes`` (of the depthwise convolutions) and ``attentions``
        (configs of layers that take ``in_channels``, ``head_dim`` and ``norm_cfg``).
    """

    arch_zoo = {
        **dict.fromkeys(('tiny', 't'), _arch((64, 128, 256, 512), (2, 2, 4, 2), (4, 4, 4, 4))),
        **dict.fromkeys(('small', 's'), _arch((64, 128, 256, 512), (3, 4, 8, 3), (4, 4, 6, 6))),
        **dict.fromkeys(('medium', 'm'), _arch((64, 128, 320, 640), (3, 4, 12, 3), (4, 4, 6, 6))),
        **dict.fromkeys(('large', 'l'), _arch((64, 128, 384, 768), (3, 4, 16, 3), (4, 4, 6, 6))),
        'paper-small': _arch((64, 128, 256, 512), (2, 2, 2, 2), (4, 4, 6, 5), _CASCADE),
        'paper-base': _arch((64, 128, 256, 512), (3, 4, 8, 3), (4, 4, 6, 6), _CASCADE),
    }
    default_norm_cfg = dict(type='BN')
    irb_norms = 'each'

    rename_key = staticmethod(rename_transcnn_key)

    def __init__(self, arch: str | dict = 'tiny', norm_cfg: dict | None = None, **kwargs) -> None:
        super().__init__(arch, norm_cfg=norm_cfg or self.default_norm_cfg, **kwargs)
        dims = self.arch['embed_dims']
        self.stem = Stem(self.in_channels, dims[0], self.norm_cfg)
        for i in range(self.num_stages):
            downsample = self.build_downsample(dims[i - 1], dims[i]) if i else nn.Identity()
            blocks = [self.build_block(i, rate) for rate in self.drop_path_rates(self.arch['depths'], i)]
            self.stages.append(Stage(downsample, blocks, self.with_cp))
        self.apply(_init)
        self.freeze_stages()

    def build_downsample(self, in_channels: int, out_channels: int) -> nn.Module:
        """What halves the map between two stages."""
        return TwoBranchDownsampling(in_channels, out_channels, self.norm_cfg)

    def build_block(self, stage: int, drop_path: float) -> Block:
        """A block of stage `stage` (from 0)."""
        channels, expansion, kernel_size, attention = (
            self.arch[key][stage] for key in ('embed_dims', 'expansions', 'kernel_sizes', 'attentions')
        )
        return Block(
            MODELS.build(dict(attention, in_channels=channels, head_dim=self.arch['head_dim'], norm_cfg=self.norm_cfg)),
            InvertedResidualBottleneck(channels, expansion, kernel_size, self.norm_cfg, self.irb_norms),
            drop_path,
        )
