"""An exported graph as an ONNX file, and as a program of `torch.export`."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import UserError
from . import operators, roi_align
from .onnx_operators import translated

OPSET = 17  # of 2022: LayerNormalization is in it, and runtimes of all kinds take it
# Functions that check sizes, or warn of some, and compute nothing with them.
_ONLY_CHECK = (os.path.join('torch', 'nn', ''), os.path.join('mmseg', 'models', 'utils', 'wrappers.py'))
# An odd size, no multiple of anything, and two images: no size equals another one or is one by chance.
_EXAMPLE = (2, 3, 65, 101)


def write_onnx(graph: nn.Module, file: str | Path, static_size: tuple[int, int] | None = None) -> None:
    """Write a graph of :mod:`mmbackbones.export.graphs` to one ONNX file, with its weights.

    PyTorch's exporter through a trace is used: it takes a second where the one through `torch.export` takes a minute,
    and the graphs decide nothing by a size in Python, which a trace would not see. If one does, it is refused.

    Args:
        graph: The graph, with `output_names`, in evaluation mode.
        file: Where to write to.
        static_size: Height and width of the only images that the file takes, one at a time; None for any number of
            images of any size from 32 x 32 pixels.

    Raises:
        UserError: A number that depends on the image's size would be recorded as a constant.
    """
    import onnx

    axes, output_names = {}, _output_names(graph)
    if not static_size:
        axes = {name: {0: 'batch'} for name in output_names} | {'image': {0: 'batch', 2: 'height', 3: 'width'}}
    translations = operators.onnx_translations() | roi_align.onnx_translations()
    with torch.no_grad(), translated(translations), _exporting():
        torch.onnx.export(
            graph,
            (_example(graph, static_size),),
            str(file),
            dynamo=False,
            opset_version=OPSET,
            input_names=['image'],
            output_names=output_names,
            dynamic_axes=axes,
        )
    onnx.checker.check_model(str(file))


def export_program(graph: nn.Module, static_size: tuple[int, int] | None = None) -> torch.export.ExportedProgram:
    """The graph as a program of `torch.export`; arguments as in :func:`write_onnx`."""
    dynamic = torch.export.Dim.DYNAMIC
    shapes = None if static_size else ({0: dynamic, 2: dynamic, 3: dynamic},)
    with torch.no_grad(), _exporting():
        return torch.export.export(graph, (_example(graph, static_size),), dynamic_shapes=shapes, strict=False)


def _output_names(graph: Any) -> list[str]:
    return list(graph.output_names)


def _example(graph: nn.Module, static_size: tuple[int, int] | None) -> torch.Tensor:
    shape = (1, 3, *static_size) if static_size else _EXAMPLE
    return torch.randn(shape, device=next(graph.parameters()).device)


@contextlib.contextmanager
def _exporting() -> Iterator[None]:
    """Without the exporters' remarks; but a size that would become a constant is an error."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always', torch.jit.TracerWarning)
        yield
    for warning in caught:
        is_constant = issubclass(warning.category, torch.jit.TracerWarning) and 'Converting' in str(warning.message)
        if is_constant and not any(part in warning.filename for part in _ONLY_CHECK):
            raise UserError(
                f'cannot export this network: {warning.filename}, line {warning.lineno}, computes with a number taken '
                'from the image, which a file would hold as a constant'
            )
