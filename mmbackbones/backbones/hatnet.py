"""HAT-Net: "Vision Transformers with Hierarchical Attention", https://arxiv.org/abs/2106.03180 (v3 and later).

The successor of TransCNN, whose file says where the paper's parts are. What differs is here: group norms, where they
stand in the IRB, the downsampling and the grids.

The authors' code and weights: https://github.com/yun-liu/HAT-Net. They give no license, so nothing is copied from
there; the released networks are rebuilt from the names and shapes of their weights and from computed values.
"""

import torch
from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..layers import conv_norm_act, fold_norm_after
from ..weights.families.hatnet import rename_hatnet_key
from .transcnn import TransCNN, two_step


class Downsampling(nn.Module):
    """A 3x3 convolution of stride 2 and a norm.

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / 2), ceil(W / 2)).
    """

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        return conv_norm_act(self.conv, self.norm, x)

    def fuse(self) -> None:
        """Fold the norm, where it is a batch norm, into the convolution, for inference."""
        self.norm = fold_norm_after(self.conv, self.norm)


def _arch(
    embed_dims: tuple[int, ...],
    depths: tuple[int, ...],
    head_dim: int = 64,
    kernel_sizes: tuple[int, ...] = (3, 3, 3, 3),
) -> dict:
    return dict(
        embed_dims=embed_dims,
        depths=depths,
        head_dim=head_dim,
        expansions=(8, 8, 4, 4),
        kernel_sizes=kernel_sizes,
        attentions=two_step((8, 7, 7), (8, 4, 2)),
    )


@MODELS.register_module()
class HATNet(TransCNN):
    """HAT-Net, with group norms of one group, which loads the authors' checkpoints as released.

    These hold a ``proj_norm`` that the authors' network never uses: it does not exist here, and its keys are ignored.

    Args:
        arch: `tiny`, `small`, `medium` or `large`, `t`, `s`, `m` or `l` for short; or a dict as that of
            :class:`TransCNN`, as for all other arguments.

    Raises:
        ValueError: Whatever :class:`TransCNN` refuses.
    """

    arch_zoo = {
        **dict.fromkeys(('tiny', 't'), _arch((48, 96, 240, 384), (2, 2, 6, 3), head_dim=48)),
        **dict.fromkeys(('small', 's'), _arch((64, 128, 320, 512), (2, 3, 8, 3))),
        **dict.fromkeys(('medium', 'm'), _arch((64, 128, 320, 512), (3, 6, 18, 3), kernel_sizes=(5, 3, 5, 3))),
        **dict.fromkeys(('large', 'l'), _arch((64, 128, 320, 640), (3, 8, 27, 3))),
    }
    default_norm_cfg: dict = dict(type='SingleGroupNorm', eps=1e-6)
    irb_norms = 'ends'

    rename_key = staticmethod(rename_hatnet_key)

    def build_downsample(self, in_channels: int, out_channels: int) -> nn.Module:
        """The layer that halves the map between two stages."""
        return Downsampling(in_channels, out_channels, self.norm_cfg)

    def memory_format(self, device: torch.device) -> torch.memory_format:
        """Channels-last on CPUs only: group norms on GPUs compute in the contiguous format, docs/gpu.md."""
        return torch.channels_last if device.type == 'cpu' else torch.contiguous_format
