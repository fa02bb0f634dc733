"""Whether a forward pass is being recorded, to be replayed at other sizes without Python."""

import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib import import_module

import torch

_MAX_GRAPHS = 64  # of one function


def is_exporting() -> bool:
    """Whether `torch.jit.trace`, `torch.export` or an ONNX exporter is recording this call.

    A decision that Python then makes by a size is made for all sizes. So code chosen under this condition consists of
    PyTorch's standard operators, without branches on sizes, and without autograd functions, whose results a trace
    records as constants.
    """
    # Before PyTorch 2.7 an export cannot be told from a compilation.
    return torch.jit.is_tracing() or getattr(torch.compiler, 'is_exporting', torch.compiler.is_compiling)()


def is_recording() -> bool:
    """Whether this call is being exported (:func:`is_exporting`) or compiled by `torch.compile`."""
    return torch.jit.is_tracing() or torch.compiler.is_compiling()


def warn_of_one_image(batch: int) -> None:
    """Warn that an export with one image is an export for one image, whatever its file claims.

    `torch.export` records a size of 1 as a constant. It refuses a batch declared dynamic by `Dim.DYNAMIC`; for one
    declared by `dynamic_axes`, ONNX names the batch as a variable and fails for two images.

    Args:
        batch: Number of images that the network is exported with.
    """
    # Inside `torch.compile`'s own front end, which strict exports use, a warning would reach nobody.
    unseen = torch.compiler.is_dynamo_compiling()
    if is_exporting() and not torch.jit.is_tracing() and not unseen and batch == 1:
        warnings.warn(
            'exported with one image, and so for one image at a time: to allow batches of any size, export with an '
            'example of two images',
            stacklevel=3,
        )


@contextmanager
def _no_tracer_warnings() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter('ignore', torch.jit.TracerWarning)
        yield


def checks() -> AbstractContextManager[None]:
    """A context for checks of an input's sizes, which a trace makes once, as it should.

    A tracer warns of every number that it cannot follow. Without these expected warnings, any other points to a fault.
    """
    return _no_tracer_warnings() if torch.jit.is_tracing() else nullcontext()


def prepare_compilation() -> None:
    """Let `torch.compile` keep a graph for every kind of call of a block, and take images of any size.

    It counts the graphs of all modules that share their code: the blocks of four widths, in training and in validation,
    for one image and for several. Beyond eight it refuses to go on. And a square image would get a graph for squares.

    On GPUs, an analysis of memory access that PyTorch 2.11's settings say is not made for unknown sizes runs for these,
    too, and ends the compilation with an AssertionError (docs/gpu.md). Without it, kernels are tiled by older rules.
    """
    dynamo, inductor = torch._dynamo.config, import_module('torch._inductor.config')
    dynamo.cache_size_limit = max(dynamo.cache_size_limit, _MAX_GRAPHS)
    if hasattr(torch.fx.experimental._config, 'use_duck_shape'):
        torch.fx.experimental._config.use_duck_shape = False
    if hasattr(inductor.triton, 'coalesce_tiling_analysis'):
        inductor.triton.coalesce_tiling_analysis = False
