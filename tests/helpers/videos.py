"""Videos to be predicted on."""

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

CLOCK = Fraction(1, 90_000)
_FORMATS = {'.mkv': 'matroska', '.ts': 'mpegts'}


def write_video(
    path: Path,
    frames: int = 10,
    rate: Fraction = Fraction(25),
    size: tuple[int, int] = (64, 48),
    codec: str = 'libx264',
    times: Sequence[int] | None = None,
    picture: np.ndarray | None = None,
) -> Path:
    """A video of gray frames that become brighter.

    Args:
        path: Its suffix says the format.
        frames: Number of frames.
        rate: Frames per second.
        size: Width and height.
        codec: Name of the encoder.
        times: When each frame is shown, in units of 1/90000 of a second; None: as `rate` says.
        picture: What all frames show instead, of even sides.
    """
    size = size if picture is None else (picture.shape[1], picture.shape[0])
    with av.open(str(path), 'w', format=_FORMATS.get(path.suffix, path.suffix[1:])) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = *size, 'yuv420p'
        if times is not None:
            stream.time_base = stream.codec_context.time_base = CLOCK
        for number in range(frames):
            gray = np.full((size[1], size[0], 3), 40 + number * 4 % 200, np.uint8)
            pixels = gray if picture is None else picture
            frame = av.VideoFrame.from_ndarray(pixels, format='rgb24')
            if times is not None:
                frame.pts, frame.time_base = times[number], CLOCK
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path
