"""How many examples each property is tried on: a few that are always the same, or many new ones by ``make fuzz``.

``make fuzz MINUTES=10`` shares its time among all properties, and says at the end how many examples each had.
"""

import os
import time
from collections import Counter

import pytest
from hypothesis import HealthCheck, settings

MINUTES = float(os.environ.get('FUZZ_MINUTES', '0'))
COUNTS = Counter[str]()

_CHECKS = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture, HealthCheck.data_too_large]
settings.register_profile(
    'quick', max_examples=8, derandomize=True, deadline=None, database=None, suppress_health_check=_CHECKS
)
settings.register_profile(
    'fuzz', max_examples=100, deadline=None, database=None, print_blob=True, suppress_health_check=_CHECKS
)
settings.load_profile('fuzz' if MINUTES else 'quick')


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item):
    """Count the examples, and try further ones as long as the property's share of the time lasts."""
    handle = getattr(item.obj, 'hypothesis', None)
    if handle is None:
        return (yield)
    inner = handle.uncounted = getattr(handle, 'uncounted', handle.inner_test)

    def counted(*args, **kwargs):
        COUNTS[item.name] += 1
        inner(*args, **kwargs)

    handle.inner_test = counted
    share = 60 * MINUTES / sum(hasattr(other.obj, 'hypothesis') for other in item.session.items)
    end = time.monotonic() + share
    result = yield
    while MINUTES and time.monotonic() < end:
        item.runtest()
    return result


def pytest_terminal_summary(terminalreporter):
    if MINUTES:
        terminalreporter.section('examples of each property')
        for name, count in sorted(COUNTS.items()):
            terminalreporter.write_line(f'{count:8,}  {name}')
        terminalreporter.write_line(f'{sum(COUNTS.values()):8,}  in all')
