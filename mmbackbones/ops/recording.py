"""Whether a forward pass is recorded, to be run again at sizes that Python will not see."""
import warnings
from contextlib import contextmanager, nullcontext

import torch


def is_exporting() -> bool:
    """Whether `torch.jit.trace`, `torch.export` or an ONNX exporter records this call.

    What Python decides by a size then is decided for every size. So each form chosen under this condition is made of
    PyTorch's standard operators, without branches on sizes and without autograd functions, whose results a trace holds
    as constants.
    """
    # Before PyTorch 2.7 an export could not be told from a compilation.
    return torch.jit.is_tracing() or getattr(torch.compiler, 'is_exporting', torch.compiler.is_compiling)()


def is_recording() -> bool:
    """Whether this call is exported, see :func:`is_exporting`, or compiled by `torch.compile`."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling()


@contextmanager
def _no_tracer_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', torch.jit.TracerWarning)
        yield


def checks():
    """A context for checks of an input's sizes, which are made once where a call is traced, and should be.

    Tracing warns of every number that it cannot follow. With this, a warning that still comes tells of a real fault.
    """
    return _no_tracer_warnings() if torch.jit.is_tracing() else nullcontext()
