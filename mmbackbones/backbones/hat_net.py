"""HAT-Net, "Vision Transformers with Hierarchical Attention", https://arxiv.org/abs/2106.03180 (v3 on)."""
import torch
from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn

from ..weights import rename_hatnet_key
from .transcnn import TransCNN, two_step


class Downsampling(nn.Module):
    """A 3x3 convolution of stride 2 and a norm.

    Shapes: (N, C_in, H, W) -> (N, C_out, ceil(H / 2), ceil(W / 2)).
    """

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x))


def _arch(embed_dims: tuple[int, ...], depths: tuple[int, ...], head_dim: int = 64,
          kernel_sizes: tuple[int, ...] = (3, 3, 3, 3)) -> dict:
    return dict(embed_dims=embed_dims, depths=depths, head_dim=head_dim, expansions=(8, 8, 4, 4),
                kernel_sizes=kernel_sizes, attentions=two_step((8, 7, 7), (8, 4, 2)))


@MODELS.register_module()
class HATNet(TransCNN):
    """HAT-Net, the successor of TransCNN with group norms of one group, loading the authors' files as released.

    Their files hold a ``proj_norm`` that their network never uses: it does not exist here, and its keys are ignored.

    Args and shapes: see :class:`PyramidBackbone`; an `arch` dict as :class:`TransCNN`'s.
    """

    arch_zoo = {
        **dict.fromkeys(('tiny', 't'), _arch((48, 96, 240, 384), (2, 2, 6, 3), head_dim=48)),
        **dict.fromkeys(('small', 's'), _arch((64, 128, 320, 512), (2, 3, 8, 3))),
        **dict.fromkeys(('medium', 'm'), _arch((64, 128, 320, 512), (3, 6, 18, 3), kernel_sizes=(5, 3, 5, 3))),
        **dict.fromkeys(('large', 'l'), _arch((64, 128, 320, 640), (3, 8, 27, 3))),
    }
    default_norm_cfg = dict(type='SingleGroupNorm', eps=1e-6)
    irb_norms = 'ends'

    rename_key = staticmethod(rename_hatnet_key)

    def build_downsample(self, in_channels: int, out_channels: int) -> nn.Module:
        """What halves the map between two stages."""
        return Downsampling(in_channels, out_channels, self.norm_cfg)

    def memory_format(self, device: torch.device) -> torch.memory_format:
        """Channels-last on CPUs only: CUDA's group norm gives the plain format back, a copy each time."""
        return torch.channels_last if device.type == 'cpu' else torch.contiguous_format
