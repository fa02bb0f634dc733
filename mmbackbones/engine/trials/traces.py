"""Trials without traces: what they log is dropped, and random generators are as they were before."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from time import time_ns

import numpy as np
import torch
from mmengine.logging import MessageHub, MMLogger
from mmengine.visualization import Visualizer

from ..log import logging_prints

_KEPT = (MMLogger, MessageHub, Visualizer)  # of which MMEngine keeps every instance; the last one is the current


@contextmanager
def no_traces() -> Iterator[str]:
    """Within the block nothing is shown or logged; at its end, what MMEngine and the generators keep is as before.

    Yields:
        The name of the logger in the block.
    """
    before = [set(kind._instance_dict) for kind in _KEPT]
    python, arrays = random.getstate(), np.random.get_state()
    name = f'trial_{time_ns()}'
    MMLogger.get_instance(name).handlers = []
    gpus = [torch.cuda.current_device()] if torch.cuda.is_available() else []
    try:
        with torch.random.fork_rng(gpus), logging_prints():
            yield name
    finally:
        random.setstate(python)
        np.random.set_state(arrays)
        for kind, names in zip(_KEPT, before, strict=True):
            for added in kind._instance_dict.keys() - names:
                del kind._instance_dict[added]
