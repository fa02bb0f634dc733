"""Local attention as sums over shifted maps, tile by tile, with the weights recomputed in the backward pass."""

from collections.abc import Callable

import torch
from torch import Tensor

from .tiles import Tile, tiles


def tiled(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, border: str
) -> Tensor:
    """Neighbors as shifts of the map: nothing is gathered, and every operator runs over a whole tile.

    As in FlashAttention (https://arxiv.org/abs/2205.14135, Section 3.1), the backward pass recomputes the weights from
    the logarithm of each pixel's softmax denominator. Besides inputs, output and gradients, it needs the memory of one
    tile.
    """
    return _TiledAttention.apply(q, k, v, rel_row, rel_col, size, border)


class _TiledAttention(torch.autograd.Function):
    @staticmethod
    def forward(ctx, q, k, v, rel_row, rel_col, size, border):
        y, log_sums = _attend(q, k, v, rel_row, rel_col, size, border)
        ctx.save_for_backward(q, k, v, rel_row, rel_col, y, log_sums)
        ctx.size, ctx.border = size, border
        return y

    @staticmethod
    def backward(ctx, dy):
        if torch.is_grad_enabled():
            raise RuntimeError("local_attention has second derivatives only with impl='reference'")
        q, k, v, rel_row, rel_col, y, log_sums = ctx.saved_tensors
        grads = _gradients(q, k, v, rel_row, rel_col, y, log_sums, dy, ctx.size, ctx.border)
        return *(grads if rel_row is not None else (*grads, None, None)), None, None


def _operator(schema: str, like: Callable) -> Callable:
    """Register a function as one operator that `torch.compile` does not trace: its loop has one step per tile.

    Args:
        schema: Arguments and results of the operator.
        like: Function of the same arguments that returns tensors of the shapes of the results, of any content.
    """

    def register(function: Callable) -> Callable:
        name = f'mmbackbones::tiled{function.__name__}'
        operator = torch.library.custom_op(name, function, mutates_args=(), schema=schema)
        operator.register_fake(like)
        return operator

    return register


def _like_attend(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, border: str
) -> tuple[Tensor, Tensor]:
    dtype = torch.promote_types(q.dtype, torch.float32)
    return v.new_empty(v.shape), q.new_empty((*q.shape[:2], 1, *q.shape[3:]), dtype=dtype)


@_operator(
    '(Tensor q, Tensor k, Tensor v, Tensor? rel_row, Tensor? rel_col, SymInt size, str border) -> (Tensor, Tensor)',
    _like_attend,
)
def _attend(
    q: Tensor, k: Tensor, v: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, size: int, border: str
) -> tuple[Tensor, Tensor]:
    """The result of the attention, contiguous, and the logarithm of each pixel's softmax denominator."""
    y, log_sums = _like_attend(q, k, v, rel_row, rel_col, size, border)
    for tile in tiles(q, size):
        weights = _logits(tile, q, k, rel_row, rel_col, border)
        largest = weights.amax((2, 3), keepdim=True)
        sums = weights.sub_(largest).exp_().sum((2, 3))[:, :, None]
        values = tile.windows(tile.halo(v))
        mixed = torch.zeros_like(values[..., 0, 0, :])
        for weight, value in zip(_neighbors(weights[:, :, None]), _neighbors(values), strict=True):
            mixed.addcmul_(weight, value)
        tile.put(y, mixed.div_(sums))
        tile.put(log_sums, sums.log_().add_(largest[:, :, 0]))
    return y, log_sums


def _like_gradients(q, k, v, rel_row, rel_col, y, log_sums, dy, size, border):
    return [x.new_empty(x.shape) for x in (q, k, v, rel_row, rel_col) if x is not None]


@_operator(
    '(Tensor q, Tensor k, Tensor v, Tensor? rel_row, Tensor? rel_col, Tensor y, Tensor log_sums, Tensor dy, '
    'SymInt size, str border) -> Tensor[]',
    _like_gradients,
)
def _gradients(
    q: Tensor,
    k: Tensor,
    v: Tensor,
    rel_row: Tensor | None,
    rel_col: Tensor | None,
    y: Tensor,
    log_sums: Tensor,
    dy: Tensor,
    size: int,
    border: str,
) -> list[Tensor]:
    """The gradients of q, k, v and, where given, of rel_row and rel_col, contiguous."""
    inputs = q, k, v, rel_row, rel_col
    dy = dy.contiguous()  # it may come from a channels-last network, and is read row by row
    grads = [
        None if x is None else torch.zeros_like(x, dtype=log_sums.dtype, memory_format=torch.contiguous_format)
        for x in inputs
    ]
    with torch.autocast(dy.device.type, enabled=False):
        for tile in tiles(q, size):
            _add_gradients(tile, inputs, y, log_sums, dy, grads, border)
    return [grad.to(x.dtype) for x, grad in zip(inputs, grads, strict=True) if x is not None and grad is not None]


def _logits(tile: Tile, q: Tensor, k: Tensor, rel_row: Tensor | None, rel_col: Tensor | None, border: str) -> Tensor:
    """The products of every pixel's query and the keys around it: (images, heads, size, size, pixels)."""
    queries, keys = tile.pixels(q), tile.windows(tile.halo(k))
    if rel_row is None or rel_col is None:
        logits = torch.zeros_like(keys[:, :, 0])
    else:
        for_rows, for_columns = queries.chunk(2, 2)
        row, column = rel_row[tile.heads].mT @ for_rows, rel_col[tile.heads].mT @ for_columns
        logits = row[..., :, None, :] + column[..., None, :, :]
    _add_dot_products(logits, queries, keys)
    if border == 'mask':
        image = q.new_ones(()).expand_as(q[:, :, :1])
        logits.masked_fill_(tile.windows(tile.halo(image) == 0)[:, :, 0], -torch.inf)
    return logits


def _add_gradients(
    tile: Tile, inputs: tuple, y: Tensor, log_sums: Tensor, dy: Tensor, grads: list, border: str
) -> None:
    """Add what the pixels of a tile contribute to the gradients of q, k, v, rel_row and rel_col."""
    q, k, v, rel_row, rel_col = inputs
    d_q, d_k, d_v, d_rel_row, d_rel_col = grads
    queries, keys, values, slopes = tile.pixels(q), tile.halo(k), tile.halo(v), tile.pixels(dy)
    # In the padding between rows, queries and slopes are zero, so any finite weights will do there.
    weights = _logits(tile, q, k, rel_row, rel_col, border).sub_(tile.pixels(log_sums)[:, :, None]).exp_()

    d_values = torch.zeros_like(values)
    for weight, d_value in zip(_neighbors(weights[:, :, None]), _neighbors(tile.windows(d_values)), strict=True):
        d_value.addcmul_(weight, slopes)
    tile.add_halo(d_v, d_values)

    # The gradient of a softmax is weight * (slope - weighted mean of the slopes), and that mean is dy . y.
    d_logits = (slopes * tile.pixels(y)).sum(2)[:, :, None, None].neg().expand_as(weights).contiguous()
    _add_dot_products(d_logits, slopes, tile.windows(values))
    d_logits.mul_(weights)

    d_queries, d_keys = torch.zeros_like(queries), torch.zeros_like(keys)
    for d_logit, key, d_key in zip(
        _neighbors(d_logits[:, :, None]),
        _neighbors(tile.windows(keys)),
        _neighbors(tile.windows(d_keys)),
        strict=True,
    ):
        d_queries.addcmul_(d_logit, key)
        d_key.addcmul_(d_logit, queries)
    tile.add_halo(d_k, d_keys)
    if rel_row is not None:
        for_rows, for_columns = queries.chunk(2, 2)
        d_row, d_column = d_logits.sum(3), d_logits.sum(2)
        d_queries += torch.cat([rel_row[tile.heads] @ d_row, rel_col[tile.heads] @ d_column], 2)
        d_rel_row[tile.heads] += (for_rows @ d_row.mT).sum(0)
        d_rel_col[tile.heads] += (for_columns @ d_column.mT).sum(0)
    tile.put(d_q, d_queries)


def _add_dot_products(sums: Tensor, x: Tensor, around: Tensor) -> None:
    """Add the dot products of `x` and `around`, over the channels, to `sums`.

    Shape:
        sums (images, heads, size, size, pixels), x (images, heads, C, pixels), around (images, heads, C, size, size,
        pixels).
    """
    for one, many in zip(x.unbind(2), around.unbind(2), strict=True):
        sums.addcmul_(one[:, :, None, None], many)


def _neighbors(x: Tensor) -> list[Tensor]:
    """(images, heads, C, size, size, pixels) -> size * size views of (images, heads, C, pixels)."""
    return [column for row in x.unbind(3) for column in row.unbind(3)]
