"""Parsing of users' JSON, which becomes up to fifty times as large in memory as it is in the file."""

import json
from typing import Any

from .garbage import paused_collector
from .host_memory import available_memory

_SMALL = 16 << 20  # characters that are parsed in any case
# Bytes of memory for each of these characters, and for any.
_COSTS = {',': 40, ':': 30, '[': 88, '{': 100, '"': 12}
_PER_CHARACTER = 1


def parse_json(text: str | bytes) -> Any:
    """The content of a JSON file.

    Args:
        text: What is in it.

    Raises:
        ValueError: It is not JSON, or takes more memory than there is.
        RecursionError: Its lists are nested without end.
    """
    if len(text) > _SMALL and (memory := available_memory()) is not None:
        needed = _PER_CHARACTER * len(text) + sum(cost * _count(text, mark) for mark, cost in _COSTS.items())
        if needed > memory:
            raise ValueError(f'it takes {needed / 1e9:.1f} GB of memory, and {memory / 1e9:.1f} GB are free')
    with paused_collector():
        return json.loads(text)


def _count(text: str | bytes, mark: str) -> int:
    return text.count(mark) if isinstance(text, str) else text.count(mark.encode())
