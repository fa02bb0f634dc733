"""Tiles of feature maps, laid out so that each neighbor is a constant distance away in memory."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

# Pixels of a tile, counted once for each head. With 49 float32 logits each they take 2.4 MB, which the L2 caches of two
# cores hold. Smaller tiles lose more to the overhead of operator calls than they gain: see docs/local_attention.md.
PIXELS = 12288


@dataclass(frozen=True)
class Tile:
    """Rows `top` to `bottom` of some heads of some images.

    Each row is followed (pixels) or preceded (halo) by `reach` zeros. So a step beyond the end of a row meets zeros,
    and one shift of the whole tile yields the same neighbor of all its pixels.

    Attributes:
        images: Which images.
        heads: Which heads.
        top: First row.
        bottom: Row after the last one.
        width: Number of pixels in a row.
        reach: Number of neighbors on each side.
        dtype: Type to compute in.
    """

    images: slice
    heads: slice
    top: int
    bottom: int
    width: int
    reach: int
    dtype: torch.dtype

    @property
    def pitch(self) -> int:
        """Distance of two rows in memory."""
        return self.width + self.reach

    def pixels(self, x: Tensor) -> Tensor:
        """The tile of a (B, heads, C, H, W) map: (images, heads, C, rows * pitch)."""
        x = x[self.images, self.heads, :, self.top : self.bottom]
        return F.pad(x, (0, self.reach)).flatten(-2).to(self.dtype)

    def put(self, x: Tensor, pixels: Tensor) -> None:
        """Write to the elements that :meth:`pixels` reads."""
        pixels = pixels.unflatten(-1, (-1, self.pitch))[..., : self.width]
        x[self.images, self.heads, :, self.top : self.bottom] = pixels

    def halo(self, x: Tensor) -> Tensor:
        """The tile with `reach` rows above and below it, zeros beyond the border: (images, heads, C, ...)."""
        rows, above, below = self._rows_with_halo(x)
        # Two more rows, or the last window would end beyond the memory.
        x = F.pad(x[self.images, self.heads, :, rows], (self.reach, 0, above, below + 2))
        return x.flatten(-2).to(self.dtype)

    def add_halo(self, x: Tensor, halo: Tensor) -> None:
        """Add to the elements that :meth:`halo` reads."""
        rows, above, _ = self._rows_with_halo(x)
        halo = halo.unflatten(-1, (-1, self.pitch))[..., above : above + rows.stop - rows.start, self.reach :]
        x[self.images, self.heads, :, rows] += halo

    def windows(self, halo: Tensor) -> Tensor:
        """The window around each pixel, as a view of a halo: (images, heads, C, size, size, rows * pitch)."""
        size, length = 2 * self.reach + 1, (self.bottom - self.top) * self.pitch
        return halo.as_strided((*halo.shape[:3], size, size, length), (*halo.stride()[:3], self.pitch, 1, 1))

    def _rows_with_halo(self, x: Tensor) -> tuple[slice, int, int]:
        """The rows inside the image, and the number of rows missing above and below."""
        first, last, height = self.top - self.reach, self.bottom + self.reach, x.shape[-2]
        return slice(max(0, first), min(height, last)), max(0, -first), max(0, last - height)


def tiles(x: Tensor, size: int) -> Iterator[Tile]:
    """Cut a (B, heads, C, H, W) map into tiles: as many rows as fit, then as many heads, then as many images."""
    batch, heads, _, height, width = x.shape
    reach = size // 2
    pitch = width + reach
    rows = _share(height, PIXELS // pitch)
    some_heads = _share(heads, PIXELS // (pitch * rows))
    some_images = _share(batch, PIXELS // (pitch * rows * some_heads))
    dtype = torch.promote_types(x.dtype, torch.float32)  # never accumulate in half precision
    for image in range(0, batch, some_images):
        for head in range(0, heads, some_heads):
            for top in range(0, height, rows):
                yield Tile(
                    slice(image, image + some_images),
                    slice(head, head + some_heads),
                    top,
                    min(height, top + rows),
                    width,
                    reach,
                    dtype,
                )


def _share(total: int, most: int) -> int:
    """The size of the parts, if `total` is split into as few nearly equal parts of at most `most` as possible."""
    return math.ceil(total / math.ceil(total / max(1, most)))
