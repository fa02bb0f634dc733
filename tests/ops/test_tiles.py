"""The tiles that local attention works on."""

import pytest
import torch
import torch.nn.functional as F

from mmbackbones.ops.local_attention import tiles


@pytest.fixture(params=[1, 30, 100, 12288])
def cut(request, monkeypatch):
    """Cuts a map into tiles of about that many pixels."""
    monkeypatch.setattr(tiles, 'PIXELS', request.param)
    return tiles.tiles


def feature_map():
    return torch.randn(2, 3, 4, 9, 7, generator=torch.Generator().manual_seed(0))


def test_tiles_cover_the_map_once(cut):
    x = feature_map()
    count = torch.zeros_like(x)
    for tile in cut(x, 5):
        count[tile.images, tile.heads, :, tile.top : tile.bottom] += 1
    assert (count == 1).all()


def test_what_is_read_can_be_written_back(cut):
    x = feature_map()
    y = torch.zeros_like(x)
    for tile in cut(x, 5):
        assert tile.pitch == 7 + 2
        tile.put(y, tile.pixels(x))
    assert torch.equal(y, x)


def test_windows_hold_the_neighbors_of_each_pixel(cut):
    x, size = feature_map(), 5
    padded = F.pad(x, (2, 2, 2, 2))
    for tile in cut(x, size):
        windows = tile.windows(tile.halo(x)).unflatten(-1, (-1, tile.pitch))[..., :7]
        for a in range(size):
            for b in range(size):
                rows = slice(tile.top + a, tile.bottom + a)
                assert torch.equal(windows[:, :, :, a, b], padded[tile.images, tile.heads, :, rows, b : b + 7])


def test_adding_a_halo_is_the_transpose_of_reading_it(cut):
    """<halo(x), h> = <x, add_halo(h)> for any h."""
    x = feature_map().double()
    for tile in cut(x, 5):
        halo = tile.halo(x)
        other = torch.randn(halo.shape, dtype=x.dtype, generator=torch.Generator().manual_seed(1))
        y = torch.zeros_like(x)
        tile.add_halo(y, other)
        torch.testing.assert_close((halo * other).sum(), (x * y).sum())


def test_half_precision_is_computed_in_float32():
    (tile,) = tiles.tiles(feature_map().half(), 3)
    assert tile.pixels(feature_map().half()).dtype == torch.float32
