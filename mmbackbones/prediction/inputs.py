"""From sources to what a network takes: read and resized exactly as in a test, without annotations."""

import os
from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from mmcv.transforms import Compose
from mmengine.config import Config
from mmengine.registry import TRANSFORMS, DefaultScope

from ..datasets.checks.images import image_damage
from ..engine.img_scale import check_resized_size
from ..errors import UserError, summarize_error
from ..utils.files import MAX_BYTES, is_regular
from ..utils.opencv_log import silent_opencv
from .sources import Source
from .videos import camera_frames, video_frames

Array = np.ndarray[Any, Any]

_ANNOTATIONS = ('FilterAnnotations', 'LoadAnnotations', 'LoadPanopticAnnotations', 'LoadProposals')


class Input(NamedTuple):
    """One image, ready for the network.

    Attributes:
        source: Where it is from.
        frame: Number of the frame; None for an image.
        read_image: Gives the image itself, uint8 (H, W, 3) in RGB.
        packed: What the pipeline made of it: ``inputs`` and ``data_samples``.
    """

    source: Source
    frame: int | None
    read_image: Callable[[], Array]
    packed: dict[str, Any]


class FileImage:
    """The image of a file: at hand until the next one is asked for, and then read again.

    Args:
        decoded: As the pipeline loads it: BGR, or gray.
        read: Loads it again.
    """

    def __init__(self, decoded: Array, read: Callable[[], Array]) -> None:
        self._decoded: Array | None = decoded
        self._read = read

    def forget(self) -> None:
        """Let go of the image, so that not all those of a folder stay in memory."""
        self._decoded = None

    def __call__(self) -> Array:
        """The image, uint8 (H, W, 3) in RGB.

        Raises:
            UserError: The file can no longer be read.
        """
        image = self._read() if self._decoded is None else self._decoded
        image = image.reshape(*image.shape[:2], -1)  # gray images may have no axis of channels
        image = image if image.shape[2] >= 3 else np.repeat(image[..., :1], 3, axis=2)
        return np.ascontiguousarray(image[..., 2::-1].astype(np.uint8, copy=False))


class InputPipeline:
    """The test pipeline of a config, without its annotations.

    Args:
        cfg: The config of a model.

    Raises:
        UserError: Its first step reads no image.
    """

    def __init__(self, cfg: Config) -> None:
        first, *rest = without_annotations(deepcopy(cfg.test_dataloader.dataset.pipeline))
        name = str(first['type']).rpartition('.')[2]
        if name != 'LoadImageFromFile':
            raise UserError(f'the test pipeline of the config begins with {name}, not with LoadImageFromFile')
        with DefaultScope.overwrite_default_scope(cfg.get('default_scope') or 'mmengine'):
            self._load_file = TRANSFORMS.build(first)
            self._load_array = TRANSFORMS.build({**first, 'type': 'LoadImageFromNDArray'})
            self._rest, self._steps = Compose(rest), rest
        self._numbers = count()

    def inputs(self, sources: Sequence[Source], failures: list[tuple[str, str]]) -> Iterator[Input]:
        """Read one image after the other.

        Args:
            sources: Where from.
            failures: Gets a pair of name and reason for each that cannot be read, or not to its end.

        Raises:
            UserError: There is no such camera, and it is the only source.
        """
        for source in sources:
            try:
                yield from self._inputs_of(source)
            except UserError as error:
                if len(sources) == 1:
                    raise
                failures.append((str(source.name), str(error)))
            except Exception as error:  # a decoder may raise anything, and whatever it is, the file is broken
                failures.append((source.name or 'an array', _reason(source, error)))

    def _inputs_of(self, source: Source) -> Iterator[Input]:
        if source.file is not None and not source.is_video:
            _check_file(source.file)
            with silent_opencv():
                loaded = self._load_file(dict(img_id=next(self._numbers), seg_fields=[], img_path=str(source.file)))
            image = FileImage(loaded['img'], partial(self._read, source.file))
            yield Input(source, None, image, self._transformed(loaded))
            return
        if source.array is not None:
            yield self._from_array(source, None, source.array)
            return
        frames = video_frames(source.file) if source.file is not None else camera_frames(source.camera or 0)
        for number, frame in enumerate(frames):
            yield self._from_array(source, number, frame)

    def _from_array(self, source: Source, frame: int | None, rgb: Array) -> Input:
        bgr = np.ascontiguousarray(rgb[..., ::-1])
        loaded = self._load_array(dict(img_id=next(self._numbers), seg_fields=[], img=bgr))
        return Input(source, frame, lambda: rgb, self._transformed(loaded))

    def _transformed(self, loaded: dict[str, Any]) -> dict[str, Any]:
        height, width = loaded['img'].shape[:2]
        try:
            return self._rest(loaded)
        except cv2.error as error:
            try:
                check_resized_size(self._steps, 'it', width, height)
            except UserError as reason:
                raise OSError(str(reason)) from error
            raise

    def _read(self, file: Path) -> Array:
        try:
            with silent_opencv():
                return self._load_file(dict(img_path=str(file)))['img']
        except Exception as error:  # see above
            raise UserError(f'{file} can no longer be read: {summarize_error(error)}') from error


def without_annotations(steps: list[Any]) -> list[Any]:
    """The steps of a pipeline that read no annotations, those of test-time augmentation included."""
    kept = []
    for step in steps:
        if isinstance(step, list | tuple):  # choices of test-time augmentation
            if choices := without_annotations(list(step)):
                kept.append(choices)
        elif str(step['type']).rpartition('.')[2] not in _ANNOTATIONS:
            if 'transforms' in step:
                step['transforms'] = without_annotations(step['transforms'])
            kept.append(step)
    return kept


def _check_file(file: Path) -> None:
    """Raise OSError for what must not be opened, or what OpenCV would fill in with gray."""
    if not is_regular(file):
        raise OSError('it is not a regular file')
    if (size := os.path.getsize(file)) > MAX_BYTES:
        raise OSError(f'it has {size:,} bytes, but at most {MAX_BYTES >> 20} MiB are read')
    if damage := image_damage(str(file), decode=False):
        raise OSError(damage)


def _reason(source: Source, error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or summarize_error(error)
    damage = None
    if source.file is not None and not source.is_video:
        with silent_opencv():  # which does not say why it cannot read a file
            damage = image_damage(str(source.file))
    return damage or summarize_error(error)
