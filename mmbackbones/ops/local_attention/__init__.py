"""Local self-attention over k x k windows with relative position embeddings ("Stand-Alone Self-Attention in Vision
Models", arXiv 1906.05909)."""

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
# What `auto` takes on a device. docs/local_attention.md has the measurements behind it.
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
    """Every pixel attends to the kernel_size x kernel_size pixels around it, head by head (section 2.2, equation 3).

        y_ij = sum over ab in N(ij) of softmax_ab(q_ij . k_ab + q_ij . r_(a-i, b-j)) v_ab

    where r_(s, t) joins a row embedding of s (first half of the channels) and a column embedding of t (second half).
    As in the paper, nothing is divided by sqrt(d).

    Shapes:
        q, k: (B, heads, d, H, W); v: (B, heads, e, H, W), usually e = d -> (B, heads, e, H, W).
        rel_row, rel_col: (d / 2, kernel_size), the same for all heads, or (heads, d / 2, kernel_size); column s belongs
        to the offset s - kernel_size // 2. Both or neither.

    Args:
        border: `zeros`: neighbours beyond the border have zero keys and values, yet their share in the softmax (zero
            padding after the projections); `mask`: they are left out.
        impl: a key of `IMPLEMENTATIONS`, or `auto`: what `FASTEST` says of the device, else `reference`, which is also
            what is traced and exported.

    float16 and bfloat16 are accumulated in float32. Gradients reach all five tensors; second derivatives need
    `impl='reference'`. An empty batch gives an empty map, with gradients, as of a convolution.

    Raises:
        ValueError: for any argument that does not fit.
        RuntimeError: where a form other than `reference` is to be traced or exported.
    """
    with checks():
        _check(q, k, v, rel_row, rel_col, kernel_size, border, impl)
    if is_exporting() and impl not in ('auto', 'reference'):
        raise RuntimeError(f"local attention can be traced or exported with impl='auto' or 'reference', not {impl!r}")
    if impl == 'auto':
        impl = 'reference' if is_exporting() else FASTEST.get(q.device.type, 'reference')
    if not is_exporting() and q.shape[0] == 0:
        impl = 'reference'
    implementation = IMPLEMENTATIONS[impl]
    if rel_row is not None:
        shape, dtype = (q.shape[1], q.shape[2] // 2, kernel_size), torch.promote_types(q.dtype, torch.float32)
        rel_row, rel_col = rel_row.to(dtype).expand(shape), rel_col.to(dtype).expand(shape)
    # There is no autocast on the meta device, where networks are counted.
    with nullcontext() if q.device.type == 'meta' else torch.autocast(q.device.type, enabled=False):
        return implementation(q, k, v, rel_row, rel_col, kernel_size, border)


def _check(q, k, v, rel_row, rel_col, kernel_size, border, impl):
    if q.dim() != 5 or k.shape != q.shape or 0 in q.shape[1:]:
        raise ValueError(
            'q and k must both be (B, heads, d, H, W), nothing but the batch empty, but are '
            f'{tuple(q.shape)} and {tuple(k.shape)}'
        )
    if v.dim() != 5 or v.shape[:2] != q.shape[:2] or v.shape[3:] != q.shape[3:]:
        raise ValueError(f'v must have the batch, heads, height and width of q, {tuple(q.shape)}, not {tuple(v.shape)}')
    if not q.dtype == k.dtype == v.dtype or not q.is_floating_point():
        raise ValueError(f'q, k and v must share a floating-point type, not {q.dtype}, {k.dtype} and {v.dtype}')
    if kernel_size < 1 or kernel_size % 2 == 0:
        raise ValueError(f'kernel_size must be odd and positive, not {kernel_size}')
    if border not in BORDERS:
        raise ValueError(f'border must be one of {BORDERS}, not {border!r}')
    if impl != 'auto' and impl not in IMPLEMENTATIONS:
        raise ValueError(f'impl must be one of {("auto", *IMPLEMENTATIONS)}, not {impl!r}')
    if (rel_row is None) != (rel_col is None):
        raise ValueError('rel_row and rel_col come together: give both or neither')
    if rel_row is not None:
        _check_embeddings(q, rel_row, rel_col, kernel_size)


def _check_embeddings(q, rel_row, rel_col, kernel_size):
    heads, d = q.shape[1:3]
    if d % 2:
        raise ValueError(f'with embeddings a head must have an even number of channels, not {d}')
    shapes = ((d // 2, kernel_size), (heads, d // 2, kernel_size))
    for name, embedding in (('rel_row', rel_row), ('rel_col', rel_col)):
        if tuple(embedding.shape) not in shapes:
            raise ValueError(f'{name} must be of shape {shapes[0]} or {shapes[1]}, not {tuple(embedding.shape)}')
