"""Tiles that cannot be used are refused in one sentence."""

import pytest

from mmbackbones.engine.tile_config import checked_tile
from mmbackbones.errors import UserError


@pytest.mark.parametrize(
    ('tile', 'overlap', 'tta', 'message'),
    [
        ((640, 31), 0.2, False, '--tile 640 31 is too small: backbones take images of at least 32x32 pixels'),
        ((640, 480), 0.2, True, '--tile and --tta do not go together: leave one of them out'),
        ((640, 480), 0.9, False, '--overlap must be a number from 0 to below 0.9, got 0.9'),
        ((640, 480), -0.1, False, '--overlap must be a number from 0 to below 0.9, got -0.1'),
        ((640, 480), float('nan'), False, '--overlap must be a number from 0 to below 0.9, got nan'),
        (None, 5, False, '--overlap must be a number from 0 to below 0.9, got 5'),
        (640, 0.2, False, r'tile must be \(width, height\) in pixels, got 640'),
        ((640, 4.5), 0.2, False, r'tile must be \(width, height\) in pixels, got \(640, 4.5\)'),
    ],
)
def test_refused(tile, overlap, tta, message):
    with pytest.raises(UserError, match=f'^{message}$'):
        checked_tile(tile, overlap, tta)


def test_taken():
    assert checked_tile(None, 0.2) is None
    assert checked_tile([32, 64], 0) == (32, 64)
