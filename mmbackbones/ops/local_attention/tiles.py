"""Pieces of feature maps, laid out so that a neighbour is a constant distance away in memory."""
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels of a tile, all its heads together. The 49 float32 logits of each are 3.2 MB, which several cores' L2 caches
# share; smaller tiles lose more to the cost of calling an operator than they win. docs/local_attention.md has figures.
PIXELS = 16384


@dataclass(frozen=True)
class Tile:
    """Rows `top` to `bottom` of some heads of one image.

    Rows are followed (pixels) or led (halo) by `reach` zeros, so that a walk over the border of a row ends in zeros,
    and a window's neighbour of any pixel is found by one shift of the whole tile.
    """

    image: int
    heads: slice
    top: int
    bottom: int
    width: int
    reach: int
    dtype: torch.dtype

    @property
    def pitch(self) -> int:
        return self.width + self.reach

    def pixels(self, x: Tensor) -> Tensor:
        """The tile of a (B, heads, C, H, W) map: (heads of the tile, C, rows * pitch)."""
        return F.pad(x[self.image, self.heads, :, self.top:self.bottom], (0, self.reach)).flatten(-2).to(self.dtype)

    def put(self, x: Tensor, pixels: Tensor) -> None:
        """Write what `pixels` would read."""
        x[self.image, self.heads, :, self.top:self.bottom] = pixels.unflatten(-1, (-1, self.pitch))[..., :self.width]

    def halo(self, x: Tensor) -> Tensor:
        """The tile and `reach` rows above and below it: (heads of the tile, C, about rows * pitch)."""
        rows, above, below = self._rows_with_halo(x)
        # Two rows more, or the last window would end beyond the memory.
        return F.pad(x[self.image, self.heads, :, rows], (self.reach, 0, above, below + 2)).flatten(-2).to(self.dtype)

    def add_halo(self, x: Tensor, halo: Tensor) -> None:
        """Add to what `halo` would read."""
        rows, above, _ = self._rows_with_halo(x)
        halo = halo.unflatten(-1, (-1, self.pitch))[:, :, above:above + rows.stop - rows.start, self.reach:]
        x[self.image, self.heads, :, rows] += halo

    def windows(self, halo: Tensor) -> Tensor:
        """What surrounds each pixel, as a view: (heads, C, size, size, rows * pitch). Writing to it adds up nothing."""
        size, length = 2 * self.reach + 1, (self.bottom - self.top) * self.pitch
        shape = (*halo.shape[:2], size, size, length)
        return halo.as_strided(shape, (*halo.stride()[:2], self.pitch, 1, 1))

    def _rows_with_halo(self, x: Tensor) -> tuple[slice, int, int]:
        """The rows inside the image, and how many are missing above and below."""
        first, last, height = self.top - self.reach, self.bottom + self.reach, x.shape[-2]
        return slice(max(0, first), min(height, last)), max(0, -first), max(0, last - height)


def tiles(x: Tensor, size: int) -> Iterator[Tile]:
    """Cut a (B, heads, C, H, W) map: as many rows as fit, and where all do, as many heads as fit."""
    batch, heads, _, height, width = x.shape
    reach = size // 2
    rows = min(height, max(1, PIXELS // (width + reach)))
    rows = math.ceil(height / math.ceil(height / rows))  # of the same size, or nearly
    heads_at_once = max(1, PIXELS // (rows * (width + reach)))
    # Never accumulate in half precision.
    dtype = torch.promote_types(x.dtype, torch.float32)
    for image in range(batch):
        for head in range(0, heads, heads_at_once):
            some_heads = slice(head, min(heads, head + heads_at_once))
            for top in range(0, height, rows):
                yield Tile(image, some_heads, top, min(height, top + rows), width, reach, dtype)
