"""An RoIAlign that depends on the memory layout, as mmcv's compiled one does."""

import importlib
from contextlib import contextmanager
from unittest.mock import patch


@contextmanager
def roi_align_that_reads_raw_memory():
    """Inside, RoIAlign refuses what the compiled one would read as N, C, H, W whatever the strides.

    Yields:
        A list that receives the name of the operator at each call.
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
