"""Frames of videos and cameras, one after the other."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ..errors import UserError, summarize_error
from ..utils.files import is_regular
from ..utils.text import counted

Array = np.ndarray[Any, Any]

# Containers of video alone: FFmpeg's playlists name further files, and addresses, that it would open.
_CONTAINERS = 'asf,avi,flv,matroska,webm,mov,mp4,mpeg,mpegts,ogg'


def video_frames(path: Path) -> Iterator[Array]:
    """The frames of a video, turned as its metadata says; one is in memory at a time.

    Yields:
        uint8 (H, W, 3) in RGB.

    Raises:
        OSError: It cannot be read; or, after the last frame, some were broken or missing.
    """
    import av

    with opened_video(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = 'AUTO'
        packets = broken = 0
        try:
            for packet in container.demux(stream):
                packets += packet.size > 0
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    broken += 1
                    continue
                for frame in frames:
                    yield np.ascontiguousarray(np.rot90(frame.to_ndarray(format='rgb24'), round(frame.rotation / 90)))
        except av.FFmpegError as error:
            raise OSError(f'the video breaks off after {counted(packets, "frame")}: {_reason(error)}') from error
        if packets < stream.frames:
            raise OSError(f'the video breaks off after {packets} of its {stream.frames} frames')
        if broken:
            raise OSError(f'{counted(broken, "frame")} of {packets} cannot be decoded, and are left out')


def frame_count(path: Path) -> int | None:
    """The number of frames that a video says it has; None if it does not say."""
    try:
        with opened_video(path) as container:
            return int(container.streams.video[0].frames) or None
    except OSError:
        return None


def camera_frames(number: int) -> Iterator[Array]:
    """The pictures of a camera, for as long as it gives some.

    Yields:
        uint8 (H, W, 3) in RGB.

    Raises:
        UserError: There is no such camera.
    """
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # it would tell of all that it has tried
    camera = cv2.VideoCapture(number)
    cv2.utils.logging.setLogLevel(level)
    try:
        if not camera.isOpened():
            raise UserError(f'there is no camera {number}, or another program uses it')
        while True:
            there, frame = camera.read()
            if not there:
                return
            yield np.ascontiguousarray(frame[..., ::-1])
    finally:
        camera.release()


@contextmanager
def opened_video(path: Path) -> Iterator[Any]:
    """The container of a video, which has a picture stream."""
    import av

    if not is_regular(path):
        raise OSError('it is not a regular file')
    with open(path, 'rb') as file:  # FFmpeg itself would take some names for addresses
        try:
            container = av.open(file, options=dict(format_whitelist=_CONTAINERS))
        except av.FFmpegError as error:
            raise OSError(f'it is not a video of a known format: {_reason(error)}') from error
        with container:
            if not container.streams.video:
                raise OSError('the video holds no pictures')
            yield container


def _reason(error: Exception) -> str:
    return getattr(error, 'strerror', None) or summarize_error(error)
