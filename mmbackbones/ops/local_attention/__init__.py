"""Local self-attention over k x k windows with relative position embeddings.

"Stand-Alone Self-Attention in Vision Models", https://arxiv.org/abs/1906.05909.
"""

from contextlib import nullcontext

import torch
from torch import Tensor

from ..recording import checks, is_exporting
from .blocked import blocked
from .reference import reference
from .tiled import tiled

__all__ = ['local_attention']

BORDERS = ('zeros', 'mask')
IMPLEMENTATIONS = {'reference': reference, 'tiled': tiled, 'blocked': blocked}
# What `auto` uses on a device; docs/local_attention.md has the measurements.
FASTEST = {'cpu': 'tiled', 'cuda': 'blocked'}


def local_attention(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rel_row: Tensor | None = None,
    rel_col: Tensor | None = None,
    kernel_size: int = 7,
    border: str = 'zeros',
    impl: str = 'auto',
) -> Tensor:
    """Attention of every pixel to the pixels of a square window around it, by head (Section 2.2, Equation 3).

        y_ij = sum over ab in N(ij) of softmax_ab(q_ij . k_ab + q_ij . r_(a-i, b-j)) v_ab

    where r_(s, t) joins a row embedding of s (first half of the channels) and a column embedding of t (second half).
    As in the paper, nothing is divided by sqrt(d).

    float16 and bfloat16 are accumulated in float32. Gradients reach all five tensors; second derivatives need
    ``impl='reference'``. As in a convolution, an empty batch gives an empty map, with gradients.

    Args:
        q: Queries.
        k: Keys.
        v: Values.
        rel_row: Row embeddings, shared by all heads or one set per head; column s belongs to the offset
            s - kernel_size // 2. Embeddings of both rows and columns, or neither.
        rel_col: Column embeddings, likewise.
        kernel_size: Side of the window in pixels, odd.
        border: `zeros`: neighbors beyond the border have zero keys and values, but take part in the softmax (zero
            padding after the projections). `mask`: they are left out.
        impl: A key of `IMPLEMENTATIONS`, or `auto`: the entry of `FASTEST` for the device, else `reference`, which is
            also what is traced and exported.

    Shape:
        q, k (B, heads, d, H, W), v (B, heads, e, H, W), usually e = d; rel_row, rel_col (d / 2, kernel_size) or (heads,
        d / 2, kernel_size) -> (B, heads, e, H, W).

    Raises:
        ValueError: An argument is invalid or does not fit the others.
        RuntimeError: An implementation other than `reference` is to be traced or exported.
    """
    with checks():
        _check(q, k, v, rel_row, rel_col, kernel_size, border, impl)
    if is_exporting() and impl not in ('auto', 'reference'):
        raise RuntimeError(f"local attention is traced or exported with impl='auto' or 'reference', got {impl!r}")
    if impl == 'auto':
        impl = 'reference' if is_exporting() else FASTEST.get(q.device.type, 'reference')
    if not is_exporting() and q.shape[0] == 0:
        impl = 'reference'
    implementation = IMPLEMENTATIONS[impl]
    if rel_row is not None and rel_col is not None:
        shape, dtype = (q.shape[1], q.shape[2] // 2, kernel_size), torch.promote_types(q.dtype, torch.float32)
        rel_row, rel_col = rel_row.to(dtype).expand(shape), rel_col.to(dtype).expand(shape)
    # There is no autocast on the meta device, on which operations are counted.
    with nullcontext() if q.device.type == 'meta' else torch.autocast(q.device.type, enabled=False):
        return implementation(q, k, v, rel_row, rel_col, kernel_size, border)


def _check(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rel_row: Tensor | None,
    rel_col: Tensor | None,
    kernel_size: int,
    border: str,
    impl: str,
) -> None:
    if q.dim() != 5 or k.shape != q.shape or 0 in q.shape[1:]:
        raise ValueError(
            'q and k must both be (B, heads, d, H, W), and only the batch may be empty, got '
            f'{tuple(q.shape)} and {tuple(k.shape)}'
        )
    if v.dim() != 5 or v.shape[:2] != q.shape[:2] or v.shape[3:] != q.shape[3:]:
        raise ValueError(f'v must have the batch, heads, height and width of q, {tuple(q.shape)}, got {tuple(v.shape)}')
    if not q.dtype == k.dtype == v.dtype or not q.is_floating_point():
        raise ValueError(f'q, k and v must share a floating-point type, got {q.dtype}, {k.dtype} and {v.dtype}')
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f'kernel_size must be odd and positive, got {kernel_size}')
    if border not in BORDERS:
        raise ValueError(f'border must be one of {BORDERS}, got {border!r}')
    if impl != 'auto' and impl not in IMPLEMENTATIONS:
        raise ValueError(f'impl must be one of {("auto", *IMPLEMENTATIONS)}, got {impl!r}')
    if rel_row is not None and rel_col is not None:
        _check_embeddings(q, rel_row, rel_col, kernel_size)
    elif rel_row is not None or rel_col is not None:
        raise ValueError('rel_row and rel_col belong together: pass both or neither')


def _check_embeddings(q: Tensor, rel_row: Tensor, rel_col: Tensor, kernel_size: int) -> None:
    heads, d = q.shape[1:3]
    if d % 2:
        raise ValueError(f'with embeddings a head must have an even number of channels, got {d}')
    shapes = ((d // 2, kernel_size), (heads, d // 2, kernel_size))
    for name, embedding in (('rel_row', rel_row), ('rel_col', rel_col)):
        if tuple(embedding.shape) not in shapes:
            raise ValueError(f'{name} must have shape {shapes[0]} or {shapes[1]}, got {tuple(embedding.shape)}')
