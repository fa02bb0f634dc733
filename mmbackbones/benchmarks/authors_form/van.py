"""VAN in the authors' form."""

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn

from .steps import Pyramid, Scale, to_map, to_tokens


def _depthwise(channels: int, size: int, dilation: int = 1) -> nn.Conv2d:
    return nn.Conv2d(channels, channels, size, padding=size // 2 * dilation, dilation=dilation, groups=channels)


class _PatchEmbed(nn.Module):
    def __init__(self, in_channels: int, channels: int, size: int, stride: int) -> None:
        super().__init__()
        self.proj = nn.Conv2d(in_channels, channels, size, stride, padding=size // 2)
        self.norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.proj(x))


class _LKA(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.dw_conv = _depthwise(channels, 5)
        self.dw_d_conv = _depthwise(channels, 7, dilation=3)
        self.pw_conv = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        gated = x.clone()  # the authors' code has this copy, and the one below
        return gated * self.pw_conv(self.dw_d_conv(self.dw_conv(x)))


class _Attention(nn.Module):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.proj_1 = nn.Conv2d(channels, channels, 1)
        self.lka = _LKA(channels)
        self.proj_2 = nn.Conv2d(channels, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        shortcut = x.clone()
        return self.proj_2(self.lka(F.gelu(self.proj_1(x)))) + shortcut


class _FFN(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Conv2d(channels, hidden, 1)
        self.dw_conv = _depthwise(hidden, 3)
        self.fc2 = nn.Conv2d(hidden, channels, 1)

    def forward(self, x: Tensor) -> Tensor:
        return self.fc2(F.gelu(self.dw_conv(self.fc1(x))))


class _Block(nn.Module):
    def __init__(self, channels: int, hidden: int) -> None:
        super().__init__()
        self.norm1 = nn.BatchNorm2d(channels)
        self.attn = _Attention(channels)
        self.layer_scale_1 = Scale(channels, map_like=True)
        self.norm2 = nn.BatchNorm2d(channels)
        self.mlp = _FFN(channels, hidden)
        self.layer_scale_2 = Scale(channels, map_like=True)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.layer_scale_1(self.attn(self.norm1(x)))
        return x + self.layer_scale_2(self.mlp(self.norm2(x)))


class _Stage(nn.Module):
    def __init__(self, embed: nn.Module, blocks: list[_Block], channels: int) -> None:
        super().__init__()
        self.patch_embed = embed
        self.blocks = nn.Sequential(*blocks)
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.patch_embed(x))
        return to_map(self.norm(to_tokens(x)), *x.shape[2:])


class VANForm(Pyramid):
    """VAN, with a dilated convolution, batch norms and scales on contiguous maps, and the two copies of each block."""

    def __init__(self, backbone: Any) -> None:
        super().__init__(backbone.out_indices)
        dims, depths, ratios = (backbone.arch[key] for key in ('embed_dims', 'depths', 'mlp_ratios'))
        self.stem = _PatchEmbed(backbone.in_channels, dims[0], 7, 4)
        self.stages = nn.ModuleList(
            _Stage(
                _PatchEmbed(dims[i - 1], dims[i], 3, 2) if i else nn.Identity(),
                [_Block(dims[i], int(dims[i] * ratios[i])) for _ in range(depths[i])],
                dims[i],
            )
            for i in range(4)
        )
