"""Python's garbage collector, where it costs time and finds nothing."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused_collector() -> Iterator[None]:
    """Pause the collector of reference cycles while millions of objects without cycles are made.

    Otherwise it looks at all of them again and again: half of the time that reading the JSON file of COCO takes.
    """
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
