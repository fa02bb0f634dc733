"""VAN: "Visual Attention Network", https://arxiv.org/abs/2202.09741 (Computational Visual Media, 2023).

Section 3.1 is :class:`mmbackbones.layers.LargeKernelAttention`; Section 3.2 with Figure 4d is :class:`PatchEmbed`,
:class:`Attention`, :class:`ConvFFN` and :class:`Block`; Table 5 is :attr:`VAN.arch_zoo`.

The authors' code and weights: https://github.com/Visual-Attention-Network, Apache-2.0; they ask to be contacted about
commercial use. Details that the paper leaves open, such as the epsilon of the layer norms, follow that code; nothing is
copied from it.
"""

from collections.abc import Sequence

import torch
from mmcv.cnn import build_norm_layer
from mmcv.cnn.bricks import DropPath
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import (
    DepthwiseConv2d,
    LargeKernelAttention,
    LayerScale,
    can_fold_into,
    fold_norm_after,
    fold_norm_before,
    fold_scale_after,
    init_conv_fan_out,
    norm_affine,
    run_blocks,
    scaled_conv1x1,
)
from ..ops import conv_pointwise
from ..weights.families.van import rename_van_key
from .base import PyramidBackbone


class PatchEmbed(nn.Module):
    """Overlapping patch embedding: a strided convolution and a norm (Section 3.2).

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / stride), ceil(W / stride)).
    """

    def __init__(self, in_channels: int, out_channels: int, kernel_size: int, stride: int, norm_cfg: dict) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, out_channels, kernel_size, stride, padding=kernel_size // 2)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x))

    def fuse(self) -> None:
        self.norm = fold_norm_after(self.proj, self.norm)


class Attention(nn.Module):
    """The attention part of a block (Figure 4d): 1x1, GELU, LKA, 1x1, then ``LS(y + x)`` for its input x.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj_1 = nn.Conv2d(channels, channels, 1)
        self.lka = LargeKernelAttention(channels)
        self.proj_2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor, layer_scale: LayerScale) -> Tensor:
        y = scaled_conv1x1(self.proj_2, layer_scale, self.attend(x))
        return torch.addcmul(y, x, layer_scale.weight.to(x.dtype).view(-1, 1, 1))

    def attend(self, x: Tensor) -> Tensor:
        return self.lka(conv_pointwise(self.proj_1, x, 'gelu'))


class ConvFFN(nn.Module):
    """Convolutional feed-forward network (Figure 4d): 1x1, 3x3 depthwise, GELU, 1x1, then LS.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, channels: int, hidden_channels: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden_channels, 1)
        self.dw_conv = DepthwiseConv2d(hidden_channels, 3)
        self.fc2 = nn.Conv2d(hidden_channels, channels, 1)

    def forward(self, x: Tensor, layer_scale: LayerScale) -> Tensor:
        return scaled_conv1x1(self.fc2, layer_scale, self.hidden(x))

    def hidden(self, x: Tensor) -> Tensor:
        return conv_pointwise(self.dw_conv, conv_pointwise(self.fc1, x), 'gelu')


class Block(nn.Module):
    """A VAN block (Figure 4d): ``x + LS(Attention(BN(x)))``, then ``x + LS(FFN(BN(x)))``, LS being LayerScale.

    Shape:
        (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, channels: int, mlp_ratio: float, drop_path: float, norm_cfg: dict) -> None:
        super().__init__()
        self.norm1 = build_norm_layer(norm_cfg, channels)[1]
        self.attn = Attention(channels)
        self.layer_scale_1 = LayerScale(channels, data_format='channels_first', scale=0.01)
        self.norm2 = build_norm_layer(norm_cfg, channels)[1]
        self.mlp = ConvFFN(channels, int(channels * mlp_ratio))
        self.layer_scale_2 = LayerScale(channels, data_format='channels_first', scale=0.01)
        self.drop_path = DropPath(drop_path)
        self.shortcut: Tensor | None = None

    def forward(self, x: Tensor) -> Tensor:
        if self.shortcut is not None:
            shortcut = (x * self.shortcut).to(x.dtype)  # float32 would make all maps of the stage float32
            x = conv_pointwise(self.attn.proj_2, self.attn.attend(self.norm1(x)), residual=shortcut)
            return conv_pointwise(self.mlp.fc2, self.mlp.hidden(self.norm2(x)), residual=x)
        x = x + self.drop_path(self.attn(self.norm1(x), self.layer_scale_1))
        return x + self.drop_path(self.mlp(self.norm2(x), self.layer_scale_2))

    def fuse(self) -> None:
        """Fold norms and layer scales.

        ``x + LS(y + BN(x))`` becomes ``LS(y) + shortcut * x``, with the shift of the norm in the bias of LS(y).
        """
        affine = norm_affine(self.norm1)
        if affine is None or not can_fold_into(self.attn.proj_2, self.mlp.fc2):
            return
        layer_scale = self.layer_scale_1.weight.double().cpu()
        scale, shift = (layer_scale * value for value in affine)
        fold_scale_after(self.attn.proj_2, layer_scale)
        self.attn.proj_2.bias += shift.to(self.attn.proj_2.bias)
        self.shortcut = nn.Parameter((1 + scale).view(-1, 1, 1).to(self.attn.proj_2.weight), requires_grad=False)
        fold_scale_after(self.mlp.fc2, self.layer_scale_2.weight)
        self.norm1 = fold_norm_before(self.norm1, self.attn.proj_1)
        self.norm2 = fold_norm_before(self.norm2, self.mlp.fc1)
        del self.layer_scale_1, self.layer_scale_2


class Stage(nn.Module):
    """Patch embedding (the first stage's is the stem), blocks, and the layer norm whose output is the feature map.

    Shape:
        (N, C_in, H, W) -> (N, C, ceil(H / 2), ceil(W / 2)), the first stage keeps H and W.
    """

    def __init__(self, patch_embed: nn.Module, blocks: list[Block], channels: int, with_cp: bool) -> None:
        super().__init__()
        self.patch_embed = patch_embed
        self.blocks = nn.ModuleList(blocks)
        self.norm = nn.LayerNorm(channels, eps=1e-6)
        self.with_cp = with_cp

    def forward(self, x: Tensor) -> Tensor:
        (x,) = run_blocks(self.blocks, self.patch_embed(x), with_cp=self.with_cp)
        return self.norm(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)


def _arch(embed_dims: tuple[int, ...], depths: tuple[int, ...]) -> dict:
    return dict(embed_dims=embed_dims, depths=depths, mlp_ratios=(8, 8, 4, 4))


@MODELS.register_module()
class VAN(PyramidBackbone):
    """Visual Attention Network B0 to B6 (Table 5), which loads the authors' checkpoints as released.

    Each feature map is the output of its stage's layer norm, which is also the input of the next stage.

    Args:
        arch: `tiny`, `small`, `base`, `large`, `t`, `s`, `b`, `l` for short, or `b0` to `b6`; or a dict with the keys
            ``embed_dims``, ``depths`` and ``mlp_ratios``, each with one entry per stage.
        in_channels: See :class:`PyramidBackbone`, as for all following arguments, shapes and attributes.
        out_indices: See :class:`PyramidBackbone`.
        frozen_stages: See :class:`PyramidBackbone`.
        norm_eval: See :class:`PyramidBackbone`.
        drop_path_rate: See :class:`PyramidBackbone`.
        norm_cfg: See :class:`PyramidBackbone`.
        with_cp: See :class:`PyramidBackbone`.
        init_cfg: See :class:`PyramidBackbone`.

    Raises:
        ValueError: Whatever :class:`PyramidBackbone` refuses.
    """

    arch_zoo = {
        **dict.fromkeys(('tiny', 't', 'b0'), _arch((32, 64, 160, 256), (3, 3, 5, 2))),
        **dict.fromkeys(('small', 's', 'b1'), _arch((64, 128, 320, 512), (2, 2, 4, 2))),
        **dict.fromkeys(('base', 'b', 'b2'), _arch((64, 128, 320, 512), (3, 3, 12, 3))),
        **dict.fromkeys(('large', 'l', 'b3'), _arch((64, 128, 320, 512), (3, 5, 27, 3))),
        'b4': _arch((64, 128, 320, 512), (3, 6, 40, 3)),
        'b5': _arch((96, 192, 480, 768), (3, 3, 24, 3)),
        'b6': _arch((96, 192, 384, 768), (6, 6, 90, 6)),
    }

    rename_key = staticmethod(rename_van_key)

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
        dims, depths, ratios = (self.arch[key] for key in ('embed_dims', 'depths', 'mlp_ratios'))
        self.stem = PatchEmbed(self.in_channels, dims[0], kernel_size=7, stride=4, norm_cfg=self.norm_cfg)
        for i in range(self.num_stages):
            embed = PatchEmbed(dims[i - 1], dims[i], 3, 2, self.norm_cfg) if i else nn.Identity()
            blocks = [Block(dims[i], ratios[i], rate, self.norm_cfg) for rate in self.drop_path_rates(depths, i)]
            self.stages.append(Stage(embed, blocks, dims[i], self.with_cp))
        self.apply(init_conv_fan_out)
        self.freeze_stages()
