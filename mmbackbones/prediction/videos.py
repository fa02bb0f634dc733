"""Frames of videos and cameras, one after the other."""

import os
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

_USUAL_RATE = 25
_MOST_MISSING = 2  # frames at the end of a video, whose length is not always noted exactly

# Containers of video alone: FFmpeg's playlists name further files, and addresses, that it would open.
_CONTAINERS = 'asf,avi,flv,matroska,webm,mov,mp4,mpeg,mpegts,ogg'


def video_frames(path: Path) -> Iterator[Array]:
    """The frames of a video, turned and mirrored as its metadata says; one is in memory at a time.

    Yields:
        uint8 (H, W, 3) in RGB.

    Raises:
        OSError: It cannot be read; or, after the last frame, some were damaged or missing.
    """
    import av

    with opened_video(path) as container:
        stream = container.streams.video[0]
        stream.thread_type = 'AUTO'
        packets = broken = damaged = 0
        end = 0.0
        try:
            for packet in container.demux():  # of sound, too, which may go on after the pictures
                end = max(end, _end(packet))
                if packet.stream is not stream:
                    continue
                packets += packet.size > 0
                try:
                    frames = packet.decode()
                except av.FFmpegError:
                    broken += 1
                    continue
                for frame in frames:
                    damaged += frame.is_corrupt
                    yield _upright(frame)
        except av.FFmpegError as error:
            raise OSError(f'the video breaks off after {counted(packets, "frame")}: {_reason(error)}') from error
        if packets < stream.frames:
            raise OSError(f'the video breaks off after {packets} of its {stream.frames} frames')
        if (length := _noted_length(container)) - end > _MOST_MISSING / (stream.average_rate or _USUAL_RATE) + 0.1:
            raise OSError(f'the video breaks off after {end:.1f} of its {length:.1f} seconds')
        if broken:
            raise OSError(f'{counted(broken, "frame")} of {packets} cannot be decoded, and are left out')
        if damaged:
            raise OSError(f'{counted(damaged, "frame")} of {packets} are damaged, and were predicted as far as they go')


def _upright(frame: Any) -> Array:
    """A frame as players show it, (H, W, 3) in RGB."""
    from av.sidedata.sidedata import Type

    pixels = frame.to_ndarray(format='rgb24')
    matrix = frame.side_data.get(Type.DISPLAYMATRIX)
    if matrix is None:
        return np.asarray(pixels)
    # Where the unit vectors to the right and downwards go, each to the right and downwards.
    (right, right_down), (down_right, down) = np.frombuffer(matrix, np.int32).reshape(3, 3)[:2, :2].tolist()
    if abs(right_down) > abs(right):
        pixels, right, down = pixels.swapaxes(0, 1), down_right, right_down
    return np.ascontiguousarray(pixels[:: -1 if down < 0 else 1, :: -1 if right < 0 else 1])


def _end(packet: Any) -> float:
    """When what is in a packet has been shown, in seconds."""
    time = packet.dts if packet.pts is None else packet.pts
    return 0.0 if time is None else float((time + (packet.duration or 0)) * packet.time_base)


def _noted_length(container: Any) -> float:
    """Seconds that a video without a count of frames should have; 0 if it does not say."""
    said = container.format.name.startswith('matroska') and container.duration
    return said / 1e6 if said else 0.0


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
    if not os.path.getsize(path):
        raise OSError('the file is empty')
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
