"""The largest batch that fits is found in few trials."""

import pytest

from mmbackbones.engine.trials import search
from mmbackbones.engine.trials.search import Found, find_largest

GIB = 2**30


def device(capacity: float, base: float, per_image: float, jump: float = 0.0):
    """A device that is out of memory above its capacity: ``measure``, and the sizes that were tried."""
    tried = []

    def measure(size: int) -> int | None:
        tried.append(size)
        used = base + per_image * size + (jump if size >= 10 else 0)
        return round(used * GIB) if used <= capacity else None

    return measure, tried


@pytest.mark.parametrize('capacity', [8, 16, 24, 80])
@pytest.mark.parametrize('base', [0.3, 4.0])
@pytest.mark.parametrize('per_image', [0.005, 0.11, 0.7, 2.9])
@pytest.mark.parametrize('jump', [0.0, 1.5])
def test_the_largest_or_all_but_the_last_percents(capacity, base, per_image, jump):
    measure, tried = device(capacity, base, per_image, jump)
    limit = 0.9 * capacity
    found = find_largest(measure, limit * GIB, 1, 10**6)
    used = base + per_image * found.size + (jump if found.size >= 10 else 0)
    assert found.measured
    assert found.used == pytest.approx(used * GIB, abs=1)
    assert used <= limit
    more = used + per_image + (jump if found.size < 10 else 0)
    assert more > limit - 1e-9 or used >= 0.97 * limit
    assert len(tried) <= 12
    assert len(set(tried)) == len(tried)


@pytest.mark.parametrize(('least', 'most', 'size'), [(1, 6, 6), (1, 1, 1), (2, 2, 2), (2, 5, 5), (1, 60, 60)])
def test_bounds(least, most, size):
    measure, tried = device(8, 0.2, 0.1)
    assert find_largest(measure, 7.2 * GIB, least, most).size == size
    assert tried[0] == least
    assert max(tried) <= most


def test_not_even_the_smallest():
    measure, _ = device(8, 0, 8.5)
    assert find_largest(measure, 7.2 * GIB, 1, 100) == Found(0, None)
    measure, _ = device(8, 0, 3.8)
    assert find_largest(measure, 7.2 * GIB, 2, 100) == Found(0, round(7.6 * GIB))


def test_memory_that_does_not_grow():
    assert find_largest(lambda size: GIB, 2 * GIB, 1, 50) == Found(50, GIB)


def test_a_trial_that_would_take_long_is_computed(monkeypatch):
    now = 0.0

    def measure(size: int) -> int:
        nonlocal now
        now += 10 * size
        return GIB * size

    monkeypatch.setattr(search, 'monotonic', lambda: now)
    found = find_largest(measure, 90 * GIB, 1, 1000)
    assert found == Found(87, 87 * GIB, measured=False)
    assert now == 110  # sizes 1, 2 and 8; 32 would take 320 s more
