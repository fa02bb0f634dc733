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


def warn_of_one_image(batch: int) -> None:
    """Say that an export of one image is an export for one image, whatever its file claims.

    `torch.export` takes a size of 1 for a constant. Where a batch of any size was asked for by its `Dim.DYNAMIC` it
    refuses; asked for by `dynamic_axes`, ONNX names the batch a variable and fails at two images.
    """
    # Inside `torch.compile`'s own front end, which strict exports use, there is nobody to warn.
    unseen = getattr(torch.compiler, 'is_dynamo_compiling', lambda: True)
    if is_exporting() and not torch.jit.is_tracing() and not unseen() and batch == 1:
        warnings.warn(
            'exported with one image, and so for one image at a time: for batches of any size export with '
            'an example of two',
            stacklevel=3,
        )


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
