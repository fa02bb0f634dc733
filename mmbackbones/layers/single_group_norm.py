"""The norm of HAT-Net."""

from mmengine.registry import MODELS
from torch import Tensor, nn

from ..ops import single_group_norm


@MODELS.register_module()
class SingleGroupNorm(nn.GroupNorm):
    """Group norm with one group: over all channels and pixels of an image at once.

    The parameters and values of ``dict(type='GN', num_groups=1)``, and many times as fast for few images on GPUs.

    Args:
        num_channels: Number of channels C.
        eps: Added to the variance.

    Shapes: (N, C, H, W) -> (N, C, H, W).
    """

    def __init__(self, num_channels: int, eps: float = 1e-5) -> None:
        super().__init__(1, num_channels, eps)

    def forward(self, x: Tensor) -> Tensor:
        return single_group_norm(x, self.weight, self.bias, self.eps)
