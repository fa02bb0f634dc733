"""A graph as a file of any format, which says of itself what it is."""

import logging
from pathlib import Path
from tempfile import TemporaryDirectory

from torch import nn

from .metadata import Metadata
from .onnx_file import write_onnx
from .onnx_metadata import add_onnx_entries
from .openvino_file import write_openvino
from .program_file import write_program


def write_file(graph: nn.Module, file: Path, format: str, metadata: Metadata) -> None:
    """Write a graph of :mod:`mmbackbones.export.graphs` to a file.

    Args:
        graph: The graph.
        file: Where to write to, with the suffix of the format.
        format: One of :data:`~mmbackbones.export.formats.SUFFIXES`.
        metadata: What the file is to say of itself.
    """
    size = metadata.static_size[::-1] if metadata.static_size else None
    entries = metadata.as_properties()
    if format == 'torch-export':
        write_program(graph, file, entries, size)
        return
    with TemporaryDirectory(dir=file.parent) as folder:
        onnx_file = file if format == 'onnx' else Path(folder) / 'model.onnx'
        # It says which libraries it does not find, and does without.
        logging.getLogger('torch.onnx').setLevel(logging.ERROR)
        write_onnx(graph, onnx_file, size)
        add_onnx_entries(onnx_file, entries)
        if format == 'openvino':
            write_openvino(onnx_file, file, entries)
