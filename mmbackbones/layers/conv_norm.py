"""mmcv's convolution with norm and ReLU, through operators that are fast on CPUs."""

from mmcv.cnn import ConvModule
from torch import Tensor, nn

from .conv_norm_act import conv_norm_act
from .fusion import fold_norm_after


class ConvNorm(ConvModule):
    """A convolution, or what `conv_cfg` puts in its place, a norm, and a ReLU unless ``act_cfg=None``.

    It is mmcv's ConvModule to whoever builds or looks at it: the same arguments and the same keys in the state dict.

    Shape:
        (N, C_in, H, W) -> (N, C_out, H_out, W_out).
    """

    def fuse(self) -> None:
        """Fold the norm into the convolution, where it can be folded."""
        setattr(self, self.norm_name, fold_norm_after(self.conv, self.norm))

    def forward(self, x: Tensor, residual: Tensor | None = None) -> Tensor:
        """The result, plus `residual` where it is given."""
        if isinstance(self.conv, nn.Conv2d):
            return conv_norm_act(self.conv, self.norm, x, 'relu' if self.with_activation else None, residual)
        x = super().forward(x)
        return x if residual is None else x + residual
