"""Local attention as dense attention of blocks of pixels to the windows around them, by fused attention kernels."""

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.utils.checkpoint import checkpoint

from ..fused_attention import fused_attention

FAR = 2.0**18  # subtracted from the logits of pixels outside the window
BLOCK = 8  # For 7 x 7 windows, 64 queries share 14 x 14 keys: a key is stored three times, not 49 times.


def blocked(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, border: str
) -> Tensor:
    """Blocks with a halo as in HaloNet (https://arxiv.org/abs/2103.12731, Section 2.2), made exact.

    Keys in the window of the block but not of the pixel are masked without a bias tensor, which the fastest kernels do
    not take: keys have additional one-hot channels for their row and their column in the window, and in these channels
    a query has its position logits, or a large negative number where the row or column is too far away.

    Only the inputs are kept for the backward pass, which computes blocks and windows again.
    """
    return checkpoint(_blocked, q, k, v, rel_row, rel_col, size, border, use_reentrant=False, preserve_rng_state=False)


def _blocked(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, border: str
) -> Tensor:
    (batch, _, _, height, width), channels = q.shape, v.shape[2]
    right, below = -width % BLOCK, -height % BLOCK
    queries = _blocks(F.pad(q, (0, right, 0, below)))
    keys, values = _windows(k, size, right, below), _windows(v, size, right, below)
    outside = 1 - _windows(torch.ones_like(k[:, :1, :1]), size, right, below)
    # Up to three of these are summed. For a padding pixel of the last block, which sees nothing at all, the backward
    # pass of a kernel takes the exponential of the rounding error of that sum; so they are no larger than necessary.
    far = -min(FAR, torch.finfo(q.dtype).max / 8)
    queries = torch.cat(
        [
            queries,
            *_position_logits(queries, rel_row, rel_col, size, far),
            torch.full_like(queries[..., :1], far if border == 'mask' else 0),
        ],
        -1,
    )
    codes = _position_codes(size, k).expand(*keys.shape[:2], -1, -1)
    keys = torch.cat([keys, codes, outside.expand(-1, keys.shape[1], -1, -1)], -1)

    widths = [queries.shape[-1], channels]
    if not takes_narrow_values(q):
        widths = [max(widths)] * 2
    queries, keys, values = (_padded(x, n) for x, n in zip((queries, keys, values), (widths[0], *widths), strict=True))
    y = fused_attention(queries, keys, values, scale=1.0)[..., :channels]
    return _maps(y, batch, height + below)[..., :height, :width]


def takes_narrow_values(x: Tensor) -> bool:
    """Whether the kernel for such queries takes values of fewer channels: for 8 channels, that is 8 instead of 40.

    On GPUs, float32 goes to the memory-efficient kernel, which does. The others need three tensors of one width.
    """
    return x.is_cuda and x.dtype == torch.float32


def _padded(x: Tensor, channels: int) -> Tensor:
    """`x` with zeros up to `channels`, rounded up to the multiple of 8 that the kernels need."""
    return F.pad(x, (0, channels + -channels % 8 - x.shape[-1]))


def _blocks(x: Tensor) -> Tensor:
    """(B, heads, C, H, W) -> (B * blocks, heads, pixels of a block, C)."""
    x = x.unflatten(4, (-1, BLOCK)).unflatten(3, (-1, BLOCK)).permute(0, 3, 5, 1, 4, 6, 2)
    return x.flatten(4, 5).flatten(0, 2)


def _maps(x: Tensor, batch: int, height: int) -> Tensor:
    """The inverse of :func:`_blocks`, channels-last in memory, as are the networks that use this form."""
    x = x.unflatten(2, (BLOCK, BLOCK)).unflatten(0, (batch, height // BLOCK, -1))
    x = x.permute(0, 1, 4, 2, 5, 3, 6).flatten(3, 4).flatten(1, 2)  # (B, H, W, heads, C)
    return x.permute(0, 3, 4, 1, 2)


def _windows(x: Tensor, size: int, right: int, below: int) -> Tensor:
    """(B, heads, C, H, W) -> (B * blocks, heads, pixels of a block and its halo, C), with zeros beyond the border."""
    reach, side = size // 2, BLOCK + size - 1
    x = F.pad(x, (reach, reach + right, reach, reach + below)).unfold(3, side, BLOCK).unfold(4, side, BLOCK)
    return x.permute(0, 3, 4, 1, 5, 6, 2).flatten(4, 5).flatten(0, 2)


def _position_codes(size: int, like: Tensor) -> Tensor:
    """One-hot codes of row and column: (side * side, 2 * side) for windows of side x side pixels."""
    side = BLOCK + size - 1
    one_hot = torch.eye(side, dtype=like.dtype, device=like.device)
    return torch.cat([one_hot.repeat_interleave(side, 0), one_hot.repeat(side, 1)], 1)


def _position_logits(
    queries: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, far: float
) -> list[Tensor]:
    """The logits of each query for the rows, and for the columns, of the window: (..., side) each."""
    queries = queries.unflatten(2, (BLOCK, BLOCK))
    place, other = (torch.arange(count, device=queries.device) for count in (BLOCK, BLOCK + size - 1))
    offset = other - place[:, None]
    column = torch.zeros_like(offset, dtype=queries.dtype).masked_fill((offset < 0) | (offset >= size), far)
    row = column[:, None]
    if rel_row is not None and rel_col is not None:
        for_rows, for_columns = queries.chunk(2, -1)
        row = row + torch.einsum('bnijd,nidw->bnijw', for_rows, _shifted(rel_row.to(queries.dtype)))
        column = column + torch.einsum('bnijd,njdw->bnijw', for_columns, _shifted(rel_col.to(queries.dtype)))
    return [logits.expand(*queries.shape[:4], -1).flatten(2, 3) for logits in (row, column)]


def _shifted(rel: Tensor) -> Tensor:
    """(heads, d / 2, size) -> (heads, BLOCK, d / 2, side): in entry i, the embeddings start at i."""
    return torch.stack([F.pad(rel, (i, BLOCK - 1 - i)) for i in range(BLOCK)], 1)
