"""The verb ``predict``: what a trained model finds in a user's images and videos, written to files."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from ..errors import UserError
from ..prediction.sources import Source, find_sources
from ..prediction.writers import PredictionFolder, own_folders
from ..utils.arguments import check_switches, checked_folder
from ..utils.config_files import ConfigLike
from ..utils.folders import require_writable
from ..utils.paths import absolute
from ..utils.progress import watch
from .load import load


@dataclass(frozen=True)
class PredictResult:
    """What :func:`predict` has done.

    Attributes:
        out: Folder of all that was written.
        images: Number of images and frames that were predicted.
        frames: How many of them were frames of a video or from a camera.
        objects: Number of objects that were found in them; None for a segmentor.
        failures: Pairs of a file and why there is no prediction for it, or not for all of it.
    """

    out: Path
    images: int
    frames: int
    objects: int | None
    failures: list[tuple[str, str]]


def predict(
    checkpoint: str | os.PathLike[str],
    source: Any,
    out: str | os.PathLike[str] = 'predictions',
    *,
    config: ConfigLike | None = None,
    score_thr: float = 0.3,
    batch_size: int = 1,
    device: str | torch.device | None = None,
    amp: bool = False,
    tile: tuple[int, int] | None = None,
    overlap: float = 0.2,
    tta: bool = False,
    draw: bool = True,
) -> PredictResult:
    """Predict images and videos with a trained model, and write what is found: as a COCO file, drawn, as label maps.

    Example:
        >>> import mmbackbones as mmb
        >>> result = mmb.predict('work_dirs/retinanet_van_t/epoch_12.pth', 'photos/new', out='found')
        >>> result.images, result.objects, result.failures
        (45, 132, [('photos/new/b.jpg', 'the JPEG file is truncated')])

    To use predictions in Python, see :meth:`mmbackbones.load <mmbackbones.apis.load.Model.predict>`.

    Args:
        checkpoint: File or URL of a trained model, or a file that :func:`~mmbackbones.apis.export` wrote.
        source: An image or a video, a folder, which is searched with its subfolders, a pattern such as
            ``photos/*.jpg``, the number of a camera, or a list of these.
        out: Folder for ``predictions.json``, drawn pictures and videos in ``drawn``, and label maps in ``labels``.
        config: Path or name of a config, or a config; None for the one that the checkpoint carries.
        score_thr: Score from which an object counts.
        batch_size: Images that are computed at once. Those of a batch are padded to one size, which may change
            predictions a little.
        device: ``cuda:0``, ``cpu``, ``mps`` or the like; None for the best there is.
        amp: Whether to compute in half precision: float16 on GPUs, bfloat16 on CPUs that have
            instructions for it.
        tile: Width and height in pixels of tiles in which images are predicted as well as whole, for small objects in
            large images; None for whole only. A tile is resized as an image would be.
        overlap: Share of a tile that its neighbors cover, too, from 0 to below 0.9.
        tta: Test-time augmentation: average over scales and flips.
        draw: Whether to draw what is found.

    Returns:
        What was done. Files that cannot be read are in its ``failures``, and stop nothing.

    Raises:
        UserError: A mistake in the arguments, a checkpoint that cannot be used, or nothing is found to predict on.
        RunFailed: The GPU has not enough memory. What was found before is written.
    """
    check_switches(draw=draw)
    folder = checked_folder('out', out)
    sources, failures = find_sources(source, leave_out=own_folders(absolute(folder)))
    sources = _each_once(sources)
    model = load(checkpoint, device=device, config=config)
    predictor = model.predictor(
        score_thr=score_thr, batch_size=batch_size, amp=amp, tile=tile, overlap=overlap, tta=tta
    )
    require_writable(folder, '--out')
    images, frames, objects = 0, 0, 0
    found = predictor.predict(sources, failures)
    with PredictionFolder(folder, sources, model.classes, model.category_ids, draw) as files:
        for prediction in watch(found, found.total, 'Predicting'):
            files.write(prediction)
            images += 1
            frames += prediction.frame is not None
            objects += len(prediction.boxes)
    count = None if model.task == 'semantic segmentation' else objects
    return PredictResult(folder, images, frames, count, failures)


def _each_once(sources: Sequence[Source]) -> list[Source]:
    """The sources without those that were found twice, in a folder and by their name, say."""
    if any(source.name is None for source in sources):
        raise UserError(
            'an array has no name to write files under: use mmbackbones.load(checkpoint).predict(array), whose '
            'predictions can draw themselves'
        )
    first: dict[object, Source] = {}
    for source in sources:
        first.setdefault(source.file or source.camera, source)
    return list(first.values())
