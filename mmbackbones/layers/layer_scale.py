"""Layer scale that keeps the precision of a branch on CPUs."""

from mmcv.cnn.bricks.scale import LayerScale as _LayerScale
from torch import Tensor


class LayerScale(_LayerScale):
    """One learned factor for each channel, "Going deeper with Image Transformers", https://arxiv.org/abs/2103.17239.

    mmcv's layer, of which it has arguments, weight and values. Under autocast on a CPU it returns bfloat16 for
    bfloat16, where mmcv's float32 weight would turn the branch and the sum after it, and with that the input of all
    norms and convolutions that follow, into float32. GPUs keep float32, which costs them no time (docs/benchmarks.md).
    """

    def forward(self, x: Tensor) -> Tensor:
        if x.device.type != 'cpu':
            return super().forward(x)
        weight = self.weight.to(x.dtype)
        return x * (weight[:, None, None] if self.data_format == 'channels_first' else weight)
