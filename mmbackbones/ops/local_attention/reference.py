"""Local attention by its equation: all windows unfolded, plain autograd."""

import torch
import torch.nn.functional as F
from torch import Tensor


def reference(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, border: str
) -> Tensor:
    """Equation 3 of the paper with k x k copies of the keys and values: slow, large, for comparison and export.

    No tensor has more than six dimensions: OpenVINO multiplies tensors of seven wrongly where one is broadcast.

    Arguments and shapes are those of :func:`mmbackbones.ops.local_attention`, here and in the faster implementations.
    """
    dtype = q.dtype
    if dtype in (torch.float16, torch.bfloat16):
        q, k, v = q.float(), k.float(), v.float()
    logits = (q[:, :, :, None] * _windows(k, size)).sum(2)  # (B, heads, size size, H, W)
    if rel_row is not None and rel_col is not None:
        half = q.shape[2] // 2
        row = torch.einsum('bndhw,nds->bnshw', q[:, :, :half], rel_row)
        column = torch.einsum('bndhw,ndt->bnthw', q[:, :, half:], rel_col)
        logits = logits + (row[:, :, :, None] + column[:, :, None]).flatten(2, 3)
    if border == 'mask':
        inside = _windows(torch.ones_like(q[:1, :1, :1]), size)[:, :, 0]
        logits = logits.masked_fill(inside == 0, -torch.inf)
    return (logits.softmax(2)[:, :, None] * _windows(v, size)).sum(3).to(dtype)


def _windows(x: Tensor, size: int) -> Tensor:
    """(B, heads, d, H, W) -> (B, heads, d, size size, H, W): the window around each pixel, zeros beyond the border."""
    shifts = [slice(i, (i - size + 1) or None) for i in range(size)]  # exporters have no `unfold` for any size
    x = F.pad(x, (size // 2,) * 4)
    x = torch.stack([x[..., columns] for columns in shifts], 3)
    return torch.cat([x[..., rows, :] for rows in shifts], 3)
