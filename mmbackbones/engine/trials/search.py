"""Search for the largest batch that fits, in few trials."""

from collections.abc import Callable
from dataclasses import dataclass
from time import monotonic

_CLOSE = 0.97  # a share of the limit that ends the search
_GROWTH = 4  # at most, from one trial to the next: the first figures hold much that does not grow with the batch
_PATIENCE = 300.0  # seconds, after which a line through the figures decides
_CAUTION = 0.97  # share of the limit that such a line may use


@dataclass(frozen=True)
class Found:
    """What a search found.

    Attributes:
        size: Images per batch; 0 if not even the smallest fits.
        used: Bytes that it takes, or that the smallest takes; None: more than there are.
        measured: Whether `size` was tried, not computed from smaller ones.
    """

    size: int
    used: int | None
    measured: bool = True


def find_largest(measure: Callable[[int], int | None], limit: float, least: int, most: int) -> Found:
    """The largest number of images per batch whose memory is within a limit.

    Memory grows linearly with the batch, but for jumps where another kernel is chosen. So sizes follow a line through
    the last two figures, and halve the distance once one was too large.

    Args:
        measure: Bytes that a batch of this size takes; None if there are not enough.
        limit: Bytes that may be used.
        least: The smallest size that can be trained with.
        most: The largest one that is of use, `least` or more.
    """
    fits: dict[int, int] = {}  # bytes by size, in the order of the sizes
    too_large, size, begin = most + 1, least, monotonic()
    seconds = 0.0  # of the last trial, per image
    while True:
        if len(fits) >= 2 and monotonic() - begin + seconds * size > _PATIENCE:
            return _estimate(fits, limit, too_large)
        before = monotonic()
        used = measure(size)
        seconds = (monotonic() - before) / size
        if used is not None and used <= limit:
            fits[size] = used
        elif fits:
            too_large = size
        else:
            return Found(0, used)
        largest = max(fits)
        step = min(_step(fits, limit), too_large - largest - 1)
        if too_large <= most and step > 1:
            step = min(step, (too_large - largest) // 2)
        if not step or fits[largest] >= _CLOSE * limit:
            return Found(largest, fits[largest])
        size = largest + step


def _step(fits: dict[int, int], limit: float) -> int:
    """How many images more than the largest batch to try, at least 1: a jump makes the line too steep."""
    largest, slope = max(fits), _bytes_per_image(fits)
    if slope is None:
        return largest
    return max(1, min(int((limit - fits[largest]) / slope), (_GROWTH - 1) * largest))


def _bytes_per_image(fits: dict[int, int]) -> float | None:
    """From the two largest batches; None as long as there are no two that tell."""
    if len(fits) < 2:
        return None
    small, large = sorted(fits)[-2:]
    slope = (fits[large] - fits[small]) / (large - small)
    return slope if slope > 0 else None


def _estimate(fits: dict[int, int], limit: float, too_large: int) -> Found:
    largest, slope = max(fits), _bytes_per_image(fits)
    more = min(int((_CAUTION * limit - fits[largest]) / slope), too_large - largest - 1) if slope else 0
    if more <= 0:
        return Found(largest, fits[largest])
    assert slope is not None
    return Found(largest + more, fits[largest] + round(more * slope), measured=False)
