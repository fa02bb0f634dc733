"""An exported graph as an ONNX file."""

import contextlib
import logging
import warnings
from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn

from . import operators, roi_align
from .operators import OPSET

# An odd size, no multiple of anything, and two images: what an exporter takes for equal or for a constant is then so
# at every size.
EXAMPLE = (2, 3, 65, 101)


def write_onnx(graph: nn.Module, file: str | Path, static_size: tuple[int, int] | None = None) -> None:
    """Write a graph of :mod:`mmbackbones.export.graphs` to one ONNX file, with its weights.

    Args:
        graph: The graph, with `output_names`, in evaluation mode.
        file: Where to write to.
        static_size: Height and width of the only images that the file takes, one at a time; None for any number of
            images of any size from 32 x 32 pixels.
    """
    import onnx

    program = export_program(graph, static_size)
    with _quiet():
        onnx_program = torch.onnx.export(
            program,
            dynamo=True,
            opset_version=OPSET,
            input_names=['image'],
            output_names=list(graph.output_names),
            custom_translation_table=operators.onnx_translations() | roi_align.onnx_translations(),
            verbose=False,
        )
    onnx_program.save(str(file))
    onnx.checker.check_model(str(file))


def export_program(graph: nn.Module, static_size: tuple[int, int] | None = None) -> torch.export.ExportedProgram:
    """The graph as a program of `torch.export`; arguments as in :func:`write_onnx`."""
    device = next(graph.parameters()).device
    dynamic = torch.export.Dim.DYNAMIC
    shape = (1, 3, *static_size) if static_size else EXAMPLE
    shapes = None if static_size else ({0: dynamic, 2: dynamic, 3: dynamic},)
    with _quiet():
        return torch.export.export(graph, (torch.randn(shape, device=device),), dynamic_shapes=shapes, strict=False)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's reports of its own steps."""
    with warnings.catch_warnings():
        warnings.simplefilter('ignore')
        yield
