"""The floating-point type to compute in."""

import torch
from torch import Tensor


def at_least_float32(x: Tensor) -> Tensor:
    """`x`, or a float32 copy of a 16-bit `x`: eleven bits are too few for pixel coordinates and for sums."""
    return x.float() if x.dtype in (torch.float16, torch.bfloat16) else x
