"""Attention for the stem, "Stand-Alone Self-Attention in Vision Models", https://arxiv.org/abs/1906.05909."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class SpatiallyAwareAttention(nn.Module):
    """Local attention with values that depend on the position in the window (Section 3.2 and Appendix A.1).

        y_ij = sum over ab of softmax_ab(q_ij . k_ab) v_ab
        v_ab = sum over m of p(a, b, m) W_V^m x_ab
        p(a, b, m) = softmax_m((emb_row(a) + emb_col(b)) . nu_m)

    A single pixel carries little information. Mixing several value matrices by position lets attention find edges, as
    a convolution does. All heads share p; there are no relative embeddings and no bias.

    Args:
        in_channels: Number of channels of the image, C_in.
        out_channels: Number of channels of the result, C_out, a multiple of `heads`.
        kernel_size: Side k of the window, in pixels.
        heads: Number of attention heads.
        mixtures: Number M of value matrices. The paper does not give it.
        embedding_dims: Width of the position embeddings. The paper does not give it.
        window: `block`: the image is cut into blocks of k x k from its upper left corner, every pixel attends to the
            pixels of its block, and a, b are positions in the block. `sliding`: every pixel attends to the k x k pixels
            around it (k odd), and a, b are positions in that window.
        border: Treatment of the part of a window beyond the image, for `block` at the right and lower edge: `mask`
            leaves it out, `zeros` treats it as pixels with zero keys and values.

    Shape:
        (N, C_in, H, W) -> (N, C_out, H, W).

    Raises:
        ValueError: `out_channels` cannot be split into the heads, an unknown `window` or `border`, or a sliding window
            of even size.
    """

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: int = 4,
        heads: int = 4,
        mixtures: int = 4,
        embedding_dims: int = 16,
        window: str = 'block',
        border: str = 'mask',
    ) -> None:
        super().__init__()
        if out_channels % heads:
            raise ValueError(f'out_channels must be a multiple of heads, got {out_channels} and {heads}')
        if window not in ('block', 'sliding'):
            raise ValueError(f"window must be 'block' or 'sliding', got {window!r}")
        if window == 'sliding' and kernel_size % 2 == 0:
            raise ValueError(f'kernel_size must be odd for a sliding window, got {kernel_size}')
        if border not in ('mask', 'zeros'):
            raise ValueError(f"border must be 'mask' or 'zeros', got {border!r}")
        self.kernel_size = kernel_size
        self.heads = heads
        self.window = window
        self.border = border
        self.query = nn.Parameter(torch.empty(out_channels, in_channels))
        self.key = nn.Parameter(torch.empty(out_channels, in_channels))
        self.value = nn.Parameter(torch.empty(mixtures, out_channels, in_channels))
        self.emb_row = nn.Parameter(torch.empty(kernel_size, embedding_dims))
        self.emb_col = nn.Parameter(torch.empty(kernel_size, embedding_dims))
        self.nu = nn.Parameter(torch.empty(mixtures, embedding_dims))
        self.init_weights()

    def init_weights(self) -> None:
        """Draw the weights so that the logits of both softmaxes have a variance near 1, neither flat nor one-hot."""
        out_channels, in_channels = self.query.shape
        nn.init.normal_(self.query, std=(in_channels * out_channels / self.heads) ** -0.5)
        nn.init.normal_(self.key, std=in_channels**-0.5)
        nn.init.normal_(self.value, std=in_channels**-0.5)
        nn.init.normal_(self.emb_row)
        nn.init.normal_(self.emb_col)
        nn.init.normal_(self.nu, std=self.nu.shape[1] ** -0.5)

    def mixture(self) -> Tensor:
        """The mixing weights p(a, b, m): (M, k, k)."""
        position = self.emb_row[:, None] + self.emb_col
        return torch.einsum('me,abe->mab', self.nu, position).softmax(0)

    def forward(self, x: Tensor) -> Tensor:
        # An image has few channels, a head has many. So the keys W_K x_ab of the windows are never computed (their
        # products with q_ij are x_ab . (W_K^T W_Q x_ij)), and W_V^m is applied after the sum over the window.
        queries, memory, inside = self.memory_blocks(x)
        query, key = (weight.unflatten(0, (self.heads, -1)) for weight in (self.query, self.key))
        queries = torch.einsum('nltc,hce->nlhte', queries, torch.einsum('hdc,hde->hce', query, key))
        logits = torch.einsum('nlhte,nlse->nlhts', queries, memory)
        if self.border == 'mask':
            logits = logits.masked_fill(~inside[:, :, None, None], -torch.inf)
        mixed = torch.einsum('ms,nlsc->nlsmc', self.mixture().flatten(1), memory)
        mixed = torch.einsum('nlhts,nlsmc->nlhtmc', logits.softmax(-1), mixed)
        y = torch.einsum('nlhtmc,mhdc->nhdlt', mixed, self.value.unflatten(1, (self.heads, -1)))
        return self.join(y.flatten(1, 2), x.shape[2:])

    def memory_blocks(self, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """The pixels that share a window, the pixels of that window, and which of the latter lie inside the image.

        Shape:
            (N, C, H, W) -> (N, L, T, C), (N, L, k k, C), (1, L, k k). `block`: L blocks of T = k k pixels; `sliding`:
            L = H W windows of T = 1 pixel.
        """
        ones = torch.ones_like(x[:1, :1])
        if self.window == 'block':
            memory = self._blocks(x)
            return memory, memory, self._blocks(ones)[..., 0] > 0
        unfold = nn.Unfold(self.kernel_size, padding=self.kernel_size // 2)
        memory = unfold(x).unflatten(1, (x.shape[1], -1)).permute(0, 3, 2, 1)
        return x.flatten(2).transpose(1, 2)[:, :, None], memory, unfold(ones).transpose(1, 2) > 0

    def _blocks(self, x: Tensor) -> Tensor:
        """(N, C, H, W) -> (N, L, k k, C), row by row, the last blocks padded with zeros."""
        k = self.kernel_size
        height, width = x.shape[2:]
        rows, columns = self._count(height), self._count(width)
        x = F.pad(x, (0, columns * k - width, 0, rows * k - height))
        x = x.unflatten(3, (-1, k)).unflatten(2, (-1, k))  # (N, C, rows, k, columns, k)
        return x.permute(0, 2, 4, 3, 5, 1).flatten(3, 4).flatten(1, 2)

    def join(self, y: Tensor, size: torch.Size) -> Tensor:
        """(N, C, L, T) -> (N, C, H, W), without the padding of the last blocks."""
        height, width = size
        if self.window == 'sliding':
            return y.unflatten(2, (height, width)).squeeze(-1)
        k = self.kernel_size
        y = y.unflatten(3, (k, k)).unflatten(2, (self._count(height), self._count(width)))
        return y.transpose(3, 4).flatten(4, 5).flatten(2, 3).narrow(2, 0, height).narrow(3, 0, width)

    def _count(self, length: int) -> int:
        """Number of blocks that cover a side."""
        return (length + self.kernel_size - 1) // self.kernel_size
