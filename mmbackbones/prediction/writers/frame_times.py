"""When each frame of a video is shown, so that a video of the same frames plays as fast."""

import heapq
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from time import monotonic
from typing import Any

from ..videos import opened_video

_REORDERED = (
    32  # packets that wait: of H.264 and H.265, at most 16 frames are stored out of the order they are shown in
)
_USUAL_RATE = Fraction(25)
_MAX_RATE = 1000
_CLOCK = Fraction(1, 90_000)  # seconds, of cameras
_COARSE = Fraction(1, 10_000)  # seconds: in longer units, such as Matroska's, most rates have no whole steps
_MAX_PAUSE = 600  # seconds between two frames; a longer one is a jump of the clock


@dataclass(frozen=True)
class FrameTimes:
    """When frames are shown.

    Attributes:
        rate: Frames per second, on average.
        unit: Seconds that times are counted in.
        times: The time of each frame, rising from 0. There is no end to them: after the last frame that a file has,
            they go on at its average rate.
    """

    rate: Fraction
    unit: Fraction
    times: Iterator[int]


def times_of_video(file: Path) -> FrameTimes:
    """When the frames of a video are shown; its pictures are not decoded for that.

    Raises:
        OSError: It cannot be read.
    """
    with opened_video(file) as container:
        stream = container.streams.video[0]
        rate, unit = stream.average_rate or stream.guessed_rate, stream.time_base
    rate = Fraction(rate) if rate and 0 < rate <= _MAX_RATE else _USUAL_RATE
    unit = Fraction(unit) if unit and 0 < unit <= 1 / rate else 1 / rate
    times = _rising(_stored_times(file), rate, unit)
    if unit > _COARSE and (1 / rate / unit).denominator != 1:
        finer = Fraction(1, rate.numerator)
        return FrameTimes(rate, finer, _steady(times, rate, unit, finer))
    return FrameTimes(rate, unit, times)


def times_of_camera() -> FrameTimes:
    """The times at which they are asked for."""

    def times() -> Iterator[int]:
        start = monotonic()
        while True:
            yield int((monotonic() - start) / _CLOCK)

    return FrameTimes(_USUAL_RATE, _CLOCK, _rising(times(), _USUAL_RATE, _CLOCK))


def _stored_times(file: Path) -> Iterator[int]:
    """The times in the packets of a video, in the order in which frames are shown."""
    import av

    waiting: list[int] = []
    try:
        with opened_video(file) as container:
            for packet in container.demux(container.streams.video[0]):
                time = _time(packet)
                if time is None or not packet.size or packet.is_discard:
                    continue
                heapq.heappush(waiting, time)
                if len(waiting) > _REORDERED:
                    yield heapq.heappop(waiting)
    except (OSError, av.FFmpegError):  # whoever reads the frames tells of it
        pass
    while waiting:
        yield heapq.heappop(waiting)


def _time(packet: Any) -> int | None:
    time: int | None = packet.dts if packet.pts is None else packet.pts
    return time


def _steady(times: Iterator[int], rate: Fraction, unit: Fraction, finer: Fraction) -> Iterator[int]:
    """Times in a finer unit, without what was lost by rounding where frames have the same distance."""
    for number, time in enumerate(times):
        exact = number / rate
        yield round((exact if abs(time * unit - exact) <= unit else time * unit) / finer)


def _rising(times: Iterator[int], rate: Fraction, unit: Fraction) -> Iterator[int]:
    """Times from 0 on, each at least one unit after the one before."""
    step = max(1, round(1 / rate / unit))
    longest = _MAX_PAUSE / unit
    last, shift = None, 0
    for time in times:
        if last is None:
            last, shift = 0, time
        else:
            if not 0 < time - shift - last <= longest:
                shift = time - last - (1 if time - shift == last else step)
            last = time - shift
        yield last
    last = -step if last is None else last
    while True:
        last += step
        yield last
