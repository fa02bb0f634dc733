"""Tiles: a config, or a pipeline, that predicts large images in windows."""

from collections.abc import Sequence
from numbers import Real
from typing import Any

from mmengine.config import Config

from ..errors import UserError
from .img_scale import MIN_SIZE, checked_img_scale

_MAX_OVERLAP = 0.9


def checked_tile(tile: object, overlap: object, tta: bool = False) -> tuple[int, int] | None:
    """The `tile` that a caller gave, as a tuple of whole numbers; None for none.

    Args:
        tile: Width and height of a tile in pixels, or None.
        overlap: Share of a tile that its neighbors cover, too.
        tta: Whether test-time augmentation is asked for, which does not go with tiles.

    Raises:
        UserError: They cannot be used.
    """
    if isinstance(overlap, bool) or not isinstance(overlap, Real) or not 0 <= float(overlap) < _MAX_OVERLAP:
        raise UserError(f'--overlap must be a number from 0 to below {_MAX_OVERLAP}, got {overlap!r}')
    if tile is None:
        return None
    if tta:
        raise UserError('--tile and --tta do not go together: leave one of them out')
    try:
        size = checked_img_scale(tile)
    except UserError:
        raise UserError(f'tile must be (width, height) in pixels, got {tile!r}') from None
    if size is not None and min(size) < MIN_SIZE:
        raise UserError(
            f'--tile {size[0]} {size[1]} is too small: backbones take images of at least {MIN_SIZE}x{MIN_SIZE} pixels'
        )
    return size


def tile_config(cfg: Config, tile: tuple[int, int], overlap: float) -> None:
    """Test images in tiles and as a whole, and merge what is found.

    Args:
        cfg: Config of a detector or a segmentor, whose image scale and batch size are set already; changed in place.
        tile: Width and height of a tile, in pixels of the original image.
        overlap: Share of a tile that its neighbor on each side covers, too, at least.
    """
    loader = cfg.test_dataloader
    loader.dataset.pipeline = tiled_pipeline(loader.dataset.pipeline, tile, overlap)
    cfg.model = dict(type='TiledModel', module=cfg.model, batch_size=loader.get('batch_size') or 1)


def tiled_pipeline(pipeline: Sequence[dict], tile: tuple[int, int], overlap: float) -> list[dict[str, Any]]:
    """A test pipeline whose batches :class:`~mmbackbones.evaluation.tiles.TiledModel` takes.

    Args:
        pipeline: The pipeline of a whole image: first what loads the image (types ``Load...``), then the rest.
        tile: Width and height of a tile, in pixels of the original image.
        overlap: Share of a tile that its neighbor on each side covers, too, at least.
    """
    steps = list(pipeline)
    loading = next((i for i, step in enumerate(steps) if not _loads_image(step)), len(steps))
    rest = dict(type='CutTiles', tile=tuple(tile), overlap=float(overlap), transforms=steps[loading:])
    return [*steps[:loading], rest]


def _loads_image(step: dict) -> bool:
    name = str(step['type']).rpartition('.')[2]
    return name.startswith('Load') and 'Annotations' not in name
