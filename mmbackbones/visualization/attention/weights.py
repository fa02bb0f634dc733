"""Attention weights of one place, as matrix products and a softmax: the fused kernels never hold them."""

from dataclasses import dataclass

from torch import Tensor

from ...backbones import PyramidBackbone


@dataclass(frozen=True)
class Place:
    """Where is asked: a token of a stage's map.

    Attributes:
        backbone: The network.
        size: Height and width of its input in pixels.
        stage: 1 to 4; 0 for the stem, whose tokens are the pixels of the image.
        row: Row of the token.
        column: Column of the token.
    """

    backbone: PyramidBackbone
    size: tuple[int, int]
    stage: int
    row: int
    column: int

    @property
    def stride(self) -> int:
        """Side of a token in pixels of the input."""
        return 4 * 2 ** (self.stage - 1) if self.stage else 1


@dataclass(frozen=True)
class Values:
    """A grid of values over the network's input: the weights of a place by head, or a gate by channel.

    Attributes:
        kind: What they are: a key of :data:`~mmbackbones.visualization.attention.kinds.KINDS`.
        values: Shape (heads, rows, columns). Weights may lie beyond the border of the map, on zeros that pad it.
        top: Upper border of the grid, in pixels of the input.
        left: Left border, likewise.
        cell: Height and width of one value, likewise.
        elsewhere: The weight of each head that lies on what has no place in the image, such as other tokens: what lacks
            for a sum of 1.
    """

    kind: str
    values: Tensor
    top: float = 0
    left: float = 0
    cell: tuple[float, float] = (1, 1)
    elsewhere: Tensor | None = None


def head_weights(queries: Tensor, keys: Tensor, num_heads: int) -> Tensor:
    """``softmax(q k^T / sqrt(d))`` in each head of d = C / num_heads channels.

    Shape:
        queries (L, C), keys (S, C) -> (num_heads, L, S).
    """
    q, k = (tokens.unflatten(-1, (num_heads, -1)).transpose(0, 1) for tokens in (queries, keys))
    return (q * q.shape[-1] ** -0.5 @ k.mT).softmax(-1)


def map_weights(query: Tensor, keys: Tensor, num_heads: int) -> Tensor:
    """The same for one query and the pixels of a map.

    Shape:
        query (C,), keys (C, H, W) -> (num_heads, H, W).
    """
    return head_weights(query[None], keys.flatten(1).T, num_heads)[:, 0].unflatten(1, keys.shape[1:])
