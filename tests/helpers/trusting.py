"""Types that a user trusts, for a while."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def trusting(*types: type) -> Iterator[None]:
    """``torch.serialization.safe_globals``, which PyTorch 2.4 does not have."""
    before = list(torch.serialization.get_safe_globals())
    torch.serialization.add_safe_globals(list(types))
    try:
        yield
    finally:
        torch.serialization.clear_safe_globals()
        torch.serialization.add_safe_globals(before)
