"""Programs of `torch.export` as files."""

from pathlib import Path
from typing import Any

import torch
from torch import nn

from .onnx_file import export_program


def write_program(graph: nn.Module, file: Path, entries: dict[str, str], static_size: tuple[int, int] | None) -> None:
    """Write a graph as a program of `torch.export`.

    Args:
        graph: The graph, with `output_names`.
        file: Where to write to.
        entries: What the file is to say of itself.
        static_size: As of :func:`~mmbackbones.export.onnx_file.write_onnx`.
    """
    program = export_program(graph, static_size)
    torch.export.save(program, file, extra_files=dict(entries))


def read_program_entries(file: str) -> dict[str, str]:
    return {}


def read_program(file: str) -> tuple[Any, Any, Any]:
    raise NotImplementedError
