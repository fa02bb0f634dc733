"""Inverted residual bottleneck of TransCNN and HAT-Net, https://arxiv.org/abs/2106.03180."""

from typing import Any

from mmcv.cnn import build_norm_layer
from mmengine.registry import MODELS
from torch import Tensor, nn

from .conv_norm_act import silu_between
from .depthwise import DepthwiseConv2d
from .fusion import fold_norm_after, fold_norm_before
from .norm_cfg import BATCH_NORM


@MODELS.register_module()
class InvertedResidualBottleneck(nn.Module):
    """Inverted residual bottleneck, IRB: 1x1, depthwise and 1x1 convolution, with SiLU after the first two.

    The convolutions have no bias. The residual connection is the enclosing block's, which may hand in what is added.

    Args:
        in_channels: Number of channels C.
        expansion: Hidden channels are C times this.
        kernel_size: Kernel size of the depthwise convolution, odd.
        norm_cfg: Config of the norms.
        norms: Where they stand. `each`: after each convolution (TransCNN); `ends`: before the first convolution and
            after the last (HAT-Net).

    Shape:
        (N, C, H, W) -> (N, C, H, W).

    Raises:
        ValueError: Unknown `norms`.
    """

    def __init__(
        self,
        in_channels: int,
        expansion: float = 4,
        kernel_size: int = 3,
        norm_cfg: dict = BATCH_NORM,
        norms: str = 'each',
    ) -> None:
        super().__init__()
        if norms not in ('each', 'ends'):
            raise ValueError(f"norms must be 'each' or 'ends', got {norms!r}")
        hidden = int(in_channels * expansion)

        def norm(channels: int, present: bool) -> Any:
            return build_norm_layer(norm_cfg, channels)[1] if present else nn.Identity()

        each = norms == 'each'
        self.norm = norm(in_channels, not each)
        self.expand = nn.Conv2d(in_channels, hidden, 1, bias=False)
        self.expand_norm = norm(hidden, each)
        self.dw_conv = DepthwiseConv2d(hidden, kernel_size, bias=False)
        self.dw_norm = norm(hidden, each)
        self.project = nn.Conv2d(hidden, in_channels, 1, bias=False)
        self.project_norm = norm(in_channels, True)

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        expand, dw_conv = (self.expand, self.expand_norm), (self.dw_conv, self.dw_norm)
        return silu_between(self.norm(x), expand, dw_conv, (self.project, self.project_norm), residual=residual)

    def fuse(self) -> None:
        """Fold the norms into the convolutions, for inference."""
        self.norm = fold_norm_before(self.norm, self.expand)
        self.expand_norm = fold_norm_after(self.expand, self.expand_norm)
        self.dw_norm = fold_norm_after(self.dw_conv, self.dw_norm)
        self.project_norm = fold_norm_after(self.project, self.project_norm)
