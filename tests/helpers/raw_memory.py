"""mmcv's RoIAlign as it is when compiled."""

import importlib
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def roi_align_that_reads_raw_memory():
    """Inside, RoIAlign refuses what a compiled one takes for N, C, H, W without a look at the strides.

    Yields:
        The names of the operators, call by call.
    """
    ext = importlib.import_module('mmcv.ops.roi_align').ext_module
    calls = []

    def reading(name, operator):
        def checked(*tensors, **kwargs):
            calls.append(name)
            assert all(x.is_contiguous() for x in tensors), f'compiled, {name} would read noise'
            return operator(*tensors, **kwargs)

        return patch.object(ext, name, checked)

    forward, backward = 'roi_align_forward', 'roi_align_backward'
    with reading(forward, getattr(ext, forward)), reading(backward, getattr(ext, backward)):
        yield calls
