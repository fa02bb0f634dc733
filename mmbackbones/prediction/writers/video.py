"""Videos of drawn frames."""

import logging
from contextlib import ExitStack
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np

from ...errors import UserError, summarize_error
from ...utils.atomic_write import atomic_write
from ...utils.messages import tell
from .frame_times import FrameTimes

Array = np.ndarray[Any, Any]

# Encoders of H.264, which browsers play, in the order of preference.
_H264: dict[str, dict[str, str]] = {'libx264': dict(preset='veryfast', crf='20'), 'libopenh264': {}}
_INSTEAD = 'mpeg4'
_LARGEST, _LARGEST_ELSEWHERE = 16_384, 3840  # pixels on a side that libx264 and other encoders take
_MPEG4_UNIT = Fraction(1, 60_000)  # seconds: this format knows no shorter ones than 1/65535
_BITS = 0.2  # of a pixel, for encoders that aim at a size and not at a quality
_SMPTE170M, _LIMITED = 6, 1  # how FFmpeg turns RGB into YUV, which players would otherwise guess by the size


class VideoFile:
    """An MP4 file of frames, to be used in a ``with`` block; one frame is in memory at a time.

    The file takes its place at the end, whole also if the block ends with an error: then it holds the frames until
    there. Sound is not kept.

    Args:
        path: The file.
        times: When frames are shown.

    Raises:
        UserError: The file cannot be written; also from the methods.
    """

    def __init__(self, path: Path, times: FrameTimes) -> None:
        self.path = path
        self._times = times
        self._number, self._time = -1, 0
        self._stream: Any = None

    def __enter__(self) -> 'VideoFile':
        import av

        with ExitStack() as stack:
            try:
                partial = stack.enter_context(atomic_write(self.path))
                file = stack.enter_context(open(partial, 'wb'))  # FFmpeg itself would take some names for addresses
                self._container: Any = stack.enter_context(av.open(file, 'w', format='mp4'))
            except (OSError, av.FFmpegError) as error:
                raise self._unwritable(error) from error
            self._open = stack.pop_all()
        return self

    def write(self, frame: Array, number: int) -> None:
        """Add a frame.

        Args:
            frame: uint8 (H, W, 3) in RGB; if it is not as large as the first one, it is resized to its size, and that
                is made smaller if it is larger than the encoder takes.
            number: Its number in what it was drawn from, from 0, rising.
        """
        import av

        while self._number < number:
            self._time, self._number = next(self._times.times), self._number + 1
        try:
            if self._stream is None:
                self._stream = self._add_stream(frame)
            size = self._stream.width, self._stream.height
            image = av.VideoFrame.from_ndarray(_fitted(frame, size), format='rgb24')
            image.time_base = self._unit
            image.pts = round(self._time * self._times.unit / self._unit)
            self._container.mux(self._stream.encode(image))
        except (OSError, av.FFmpegError) as error:
            self._stream = None  # nothing of it is kept
            raise self._unwritable(error) from error

    def close(self) -> None:
        """Finish the file, and put it in its place."""
        self.__exit__(None, None, None)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        import av

        try:
            with self._open:  # which discards the file if this block fails
                if self._stream is None:
                    raise _NothingWritten
                self._container.mux(self._stream.encode())
        except _NothingWritten:
            pass
        except (OSError, av.FFmpegError) as failure:
            raise self._unwritable(failure) from failure

    def _add_stream(self, frame: Array) -> Any:
        height, width = frame.shape[:2]
        name = encoder()
        scale = min(1, (_LARGEST if name == 'libx264' else _LARGEST_ELSEWHERE) / max(width, height))
        width, height = max(1, int(width * scale)), max(1, int(height * scale))
        self._unit = self._times.unit if name in _H264 else max(self._times.unit, _MPEG4_UNIT)
        stream = self._container.add_stream(
            name, rate=self._times.rate.limit_denominator(60_000), options=_H264.get(name, {})
        )
        stream.width, stream.height = width + width % 2, height + height % 2  # the format takes even sides only
        stream.pix_fmt = 'yuv420p'
        stream.time_base = stream.codec_context.time_base = self._unit
        stream.codec_context.colorspace, stream.codec_context.color_range = _SMPTE170M, _LIMITED
        if name != 'libx264':
            stream.bit_rate = int(_BITS * stream.width * stream.height * self._times.rate)
        return stream

    def _unwritable(self, error: Exception) -> UserError:
        reason = getattr(error, 'strerror', None) or summarize_error(error)
        return UserError(f'cannot write a video to {self.path}: {reason}')


class _NothingWritten(Exception):
    """There was no frame, so that there is no video."""


def encoder() -> str:
    """The encoder that PyAV has here; a warning tells of one whose videos browsers do not play."""
    import av

    for name in _H264:
        if name in av.codecs_available:
            return name
    tell(
        'the PyAV that is installed here has no encoder of H.264: videos are encoded as MPEG-4 Part 2, which browsers '
        'do not play',
        level=logging.WARNING,
    )
    return _INSTEAD


def _fitted(frame: Array, size: tuple[int, int]) -> Array:
    """A frame of the size of the video, whose last row and column are doubled where sides have to be even."""
    (height, width), (across, down) = frame.shape[:2], size
    if not (0 <= across - width <= 1 and 0 <= down - height <= 1):
        return np.asarray(cv2.resize(frame, size, interpolation=cv2.INTER_AREA))
    if (width, height) != size:
        frame = np.pad(frame, ((0, down - height), (0, across - width), (0, 0)), mode='edge')
    return np.ascontiguousarray(frame)
