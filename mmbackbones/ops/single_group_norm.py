"""Group normalization with one group, by all processors of a GPU."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .recording import is_recording


def single_group_norm(x: Tensor, weight: Tensor, bias: Tensor, eps: float) -> Tensor:
    """:func:`torch.nn.functional.group_norm` with one group: the mean and variance of all of an image's values.

    PyTorch's CUDA kernel computes the mean and variance of a group in one thread block, so that of one image in one of
    a hundred multiprocessors. Here, on CUDA devices, a reduction does it that spreads over all of them. The result has
    the type of `x` there, under autocast too, as a batch norm's has.

    Shapes: x (N, C, H, W), weight and bias (C,) -> (N, C, H, W).
    """
    if x.device.type != 'cuda' or is_recording() or not x.numel():
        return F.group_norm(x, 1, weight, bias, eps)
    return _SingleGroupNorm.apply(x, weight, bias, eps)


class _SingleGroupNorm(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x, weight, bias, eps):
        with torch.autocast(x.device.type, enabled=False):
            values = x.to(torch.promote_types(x.dtype, torch.float32)).contiguous()
            weight, bias = weight.to(values.dtype), bias.to(values.dtype)
            variance, mean = torch.var_mean(values.flatten(1), 1, correction=0, keepdim=True)
            rstd = (variance + eps).rsqrt()
            scale = weight * rstd
            shift = bias - mean * scale
            ctx.save_for_backward(x, weight, mean, rstd)
            return torch.addcmul(shift[..., None, None], values, scale[..., None, None]).to(x.dtype)

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx, dy):
        x, weight, mean, rstd = ctx.saved_tensors
        n, c, h, w = x.shape
        with torch.autocast(x.device.type, enabled=False):
            dx, d_weight, d_bias = torch.ops.aten.native_group_norm_backward(
                dy.to(mean.dtype).contiguous(),
                x.to(mean.dtype).contiguous(),
                mean,
                rstd,
                weight,
                n,
                c,
                h * w,
                1,
                list(ctx.needs_input_grad[:3]),
            )
        return None if dx is None else dx.to(x.dtype), d_weight, d_bias, None
