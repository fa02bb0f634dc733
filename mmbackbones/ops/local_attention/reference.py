"""Local attention as its equation reads: every window unfolded, plain autograd."""
import torch
import torch.nn.functional as F
from torch import Tensor


def reference(q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int,
              border: str) -> Tensor:
    """Equation 3 of the paper, with k x k copies of the keys and values. Slow and large, for comparison."""
    dtype = q.dtype
    if dtype in (torch.float16, torch.bfloat16):
        q, k, v = q.float(), k.float(), v.float()
    logits = (q[..., None, None] * _windows(k, size)).sum(2)  # (B, heads, H, W, size, size)
    if rel_row is not None:
        half = q.shape[2] // 2
        logits = logits + torch.einsum('bndhw,nds->bnhws', q[:, :, :half], rel_row)[..., :, None]
        logits = logits + torch.einsum('bndhw,ndt->bnhwt', q[:, :, half:], rel_col)[..., None, :]
    if border == 'mask':
        inside = _windows(torch.ones_like(q[:1, :1, :1]), size)[:, :, 0]
        logits = logits.masked_fill(inside == 0, -torch.inf)
    weights = logits.flatten(-2).softmax(-1).view_as(logits)
    return (weights[:, :, None] * _windows(v, size)).sum((-2, -1)).to(dtype)


def _windows(x: Tensor, size: int) -> Tensor:
    """(B, heads, d, H, W) -> (B, heads, d, H, W, size, size): what surrounds each pixel, zeros beyond the border."""
    return F.pad(x, (size // 2,) * 4).unfold(3, size, 1).unfold(4, size, 1)
