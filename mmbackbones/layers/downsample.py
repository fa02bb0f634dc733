"""Two-branch downsampling of TransCNN, https://arxiv.org/abs/2106.03180."""

import torch.nn.functional as F
from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn

from .conv_norm_act import conv_norm_act
from .fusion import fold_norm_after
from .norm_cfg import BATCH_NORM


@MODELS.register_module()
class TwoBranchDownsampling(nn.Module):
    """Two-branch downsampling: ``silu(norm(conv3x3_s2(x)) + norm(conv1x1(maxpool2x2(x))))``.

    Args:
        in_channels: Number of channels C_in.
        out_channels: Number of channels C_out.
        norm_cfg: Config of the norm of each branch.

    Shape:
        (N, C_in, H, W) -> (N, C_out, ceil(H / 2), ceil(W / 2)).
    """

    def __init__(self, in_channels: int, out_channels: int, norm_cfg: dict = BATCH_NORM) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, out_channels, 3, stride=2, padding=1)
        self.conv_norm = build_norm_layer(norm_cfg, out_channels)[1]
        self.pool_conv = nn.Conv2d(in_channels, out_channels, 1)
        self.pool_norm = build_norm_layer(norm_cfg, out_channels)[1]

    def forward(self, x: Tensor) -> Tensor:
        pooled = F.max_pool2d(x, 2, ceil_mode=True)
        y = conv_norm_act(self.conv, self.conv_norm, x)
        return F.silu(conv_norm_act(self.pool_conv, self.pool_norm, pooled, residual=y))

    def fuse(self) -> None:
        """Fold the norms into the convolutions, for inference."""
        self.conv_norm = fold_norm_after(self.conv, self.conv_norm)
        self.pool_norm = fold_norm_after(self.pool_conv, self.pool_norm)
