"""The verb ``attention``: what a backbone makes of an image, and what it attends to from a point of it."""

import os
from dataclasses import dataclass
from math import isfinite
from numbers import Real
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from ..engine.device import find_device
from ..errors import RunFailed, UserError, printable
from ..export.formats import is_exported
from ..prediction.sources import Source, find_sources
from ..utils.arguments import checked_folder
from ..utils.config_files import ConfigLike
from ..utils.folders import require_writable
from ..visualization.attention import Attention, attention_of
from .attention_input import AttentionInput, input_of_backbone, input_of_model
from .export_source import find_backbone
from .load import Model, load

_ONE_IMAGE = 'attention looks at one image: give the file of one'


@dataclass(frozen=True)
class AttentionResult:
    """What :func:`attention` has done.

    Attributes:
        out: Folder of all that was written.
        files: The files: ``panel.png`` first, ``attention.npz`` last.
        found: The maps themselves.
        random: Whether the backbone has random weights, because only its name was given and none were released.
    """

    out: Path
    files: list[Path]
    found: Attention
    random: bool


def attention(
    checkpoint: str | os.PathLike[str],
    image: str | os.PathLike[str] | npt.NDArray[np.uint8],
    point: tuple[float, float] | None = None,
    out: str | os.PathLike[str] = 'attention',
    *,
    config: ConfigLike | None = None,
    device: str | torch.device | None = None,
) -> AttentionResult:
    """Show what a backbone makes of an image in each stage, and what it attends to from a point of it.

    Example:
        >>> import mmbackbones as mmb
        >>> result = mmb.attention('work_dirs/retinanet_hatnet_t/epoch_12.pth', 'photo.jpg', point=(320, 200))
        >>> for found in result.found.maps:
        ...     print(found.stage, found.kind, found.layer, found.map.shape)

    Args:
        checkpoint: File or URL of a trained model or of a backbone, or the name of a backbone or of released weights.
        image: File of an image, or an array uint8 (H, W, 3) in RGB.
        point: Column and row in pixels of the image; None for its center.
        out: Folder for ``panel.png``, a picture of each map, and ``attention.npz``.
        config: Path or name of a config, or a config; None for the one that the checkpoint carries.
        device: ``cuda:0``, ``cpu``, ``mps`` or the like; None for the best there is.

    Returns:
        What was written, and the maps.

    Raises:
        UserError: A mistake in the arguments, or a model whose backbone is none of this package.
        RunFailed: The GPU has not enough memory.
    """
    folder = checked_folder('out', out)
    checkpoint = os.fspath(checkpoint)
    if is_exported(checkpoint):
        raise UserError(
            f'{checkpoint} is an exported file, which has no layers to look into: give the checkpoint that it was '
            'exported from'
        )
    source = _source(image)
    alone = find_backbone(checkpoint, config, None)
    if alone is not None:
        given = input_of_backbone(alone.network.to(find_device(device)), alone.metadata, source)
    else:
        given = input_of_model(load(checkpoint, device, config), source)
    found = _attention(given, point)
    require_writable(folder, '--out')
    return AttentionResult(folder, found.save(folder), found, random=alone is not None and alone.random)


def attend(model: Model, image: npt.NDArray[np.uint8], point: tuple[float, float] | None = None) -> Attention:
    """What the backbone of a loaded model makes of an image in each stage, and attends to from a point of it.

    Example:
        >>> found = attend(mmb.load('work_dirs/retinanet_van_t/epoch_12.pth'), image, (320, 200))
        >>> picture = found.panel()

    Args:
        model: What :func:`~mmbackbones.apis.load` returned.
        image: The image, uint8 (H, W, 3) in RGB.
        point: Column and row in pixels of the image; None for its center.

    Raises:
        UserError: The point is outside of the image, the image cannot be used, or the backbone is none of this package.
        RunFailed: The GPU has not enough memory.
    """
    return _attention(input_of_model(model, _source(image)), point)


def _attention(given: AttentionInput, point: Any) -> Attention:
    height, width = given.image.shape[:2]
    place = (width // 2, height // 2) if point is None else _checked_point(point, width, height)
    try:
        return attention_of(given.backbone, given.batch, given.seen, given.image, place)
    except torch.cuda.OutOfMemoryError as error:
        raise RunFailed('the GPU has not enough memory for this image: give a smaller one, or --device cpu') from error


def _checked_point(point: Any, width: int, height: int) -> tuple[float, float]:
    is_pair = isinstance(point, list | tuple | np.ndarray) and len(point) == 2
    if not is_pair or not all(_is_number(at) for at in point):
        raise UserError(f'the point must be two numbers, the column and the row of a pixel, got {point!r}')
    x, y = (at.item() if isinstance(at, np.generic) else at for at in point)
    if not (0 <= x < width and 0 <= y < height):
        raise UserError(
            f'the point ({x}, {y}) is outside of the image, which is {width} pixels wide and {height} high: give X '
            f'from 0 to {width - 1} and Y from 0 to {height - 1}'
        )
    return x, y


def _is_number(value: object) -> bool:
    return not isinstance(value, bool) and isinstance(value, Real) and isfinite(value)


def _source(image: Any) -> Source:
    """The one image that is meant."""
    if isinstance(image, list | tuple | int):
        raise UserError(f'{_ONE_IMAGE}, got {image!r}')
    if isinstance(image, str | os.PathLike) and os.path.isdir(image):
        raise UserError(f'{_ONE_IMAGE}, got the folder {printable(os.fspath(image))}')
    (source, *others), _ = find_sources(image)
    if source.is_video or source.camera is not None or others:
        what = 'a video' if source.is_video else 'a camera' if source.camera is not None else 'several images'
        raise UserError(f'{_ONE_IMAGE}, got {printable(str(image))}, {what}')
    return source
