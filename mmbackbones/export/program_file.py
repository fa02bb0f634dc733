"""Programs of `torch.export` as files.

PyTorch's own reader runs what is in a file: it unpickles, evaluates expressions of sizes, and calls what a program
names. So a file is read only as far as :mod:`~mmbackbones.export.program_check` lets it through, and handed to PyTorch
in a form without the rest.
"""

import io
import json
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import nn

from ..errors import UserError
from .onnx_file import export_program
from .program_check import ProgramError, check_program, check_weights

_OUTPUTS = 'outputs'  # the entry with the names of the outputs
_MAX_TEXT = 64 << 20  # bytes
_MODEL, _SAMPLE = 'models/model.json', 'data/sample_inputs/model.pt'
_CONFIGS = ('data/weights/model_weights_config.json', 'data/constants/model_constants_config.json')
_ABOUT = ('archive_format', 'archive_version', 'byteorder', '.data/version')


def write_program(graph: nn.Module, file: Path, entries: dict[str, str], static_size: tuple[int, int] | None) -> None:
    """Write a graph as a program of `torch.export`.

    Args:
        graph: The graph, with `output_names`.
        file: Where to write to.
        entries: What the file is to say of itself.
        static_size: As of :func:`~mmbackbones.export.onnx_file.write_onnx`.
    """
    program = export_program(graph, static_size)
    for node in program.graph.nodes:
        node.meta.pop('stack_trace', None)  # source code, with its paths
        if node.target is torch.ops.aten._assert_scalar.default:
            node.args = (node.args[0], 'size')  # in place of a sentence, which is not taken when it is read
    names: Any = graph.output_names
    torch.export.save(program, file, extra_files={**entries, _OUTPUTS: json.dumps(list(names))})


def read_program_entries(file: str) -> dict[str, str]:
    """The entries of a program file.

    Raises:
        UserError: It cannot be read.
    """
    with _archive(file) as archive:
        names = [name for name in archive.names if name.startswith('extra/')]
        return {name.removeprefix('extra/'): archive.text(name) for name in names[:100]}


def read_program(file: str) -> tuple[Any, dict[str, tuple], dict[str, tuple]]:
    """Open a program file.

    Returns:
        The program as a function, and name and shape of its inputs and outputs, with -1 for any size.

    Raises:
        UserError: It cannot be read, or holds more than a computation with PyTorch's operators.
    """
    with _archive(file) as archive:
        program = check_program(json.loads(archive.text(_MODEL)))
        names = json.loads(archive.text(f'extra/{_OUTPUTS}'))
        inputs, outputs = _shapes(program)
        if not isinstance(names, list) or len(names) != len(outputs) or not all(isinstance(n, str) for n in names):
            raise ProgramError('the names of its outputs are not there')
        clean = archive.copy(json.dumps(program))
    loaded: Any = torch.export.load(clean)
    return loaded.module(), inputs, dict(zip(names, outputs, strict=True))


def _shapes(program: dict[str, Any]) -> tuple[dict[str, tuple], list[tuple]]:
    module = program['graph_module']
    sizes = {
        name: tuple(size.get('as_int', -1) for size in value['sizes'])
        for name, value in module['graph']['tensor_values'].items()
    }
    given = [spec['user_input']['arg']['as_tensor']['name'] for spec in module['signature']['input_specs']
             if 'user_input' in spec]  # fmt: skip
    found = [spec['user_output']['arg']['as_tensor']['name'] for spec in module['signature']['output_specs']
             if 'user_output' in spec]  # fmt: skip
    return {name: sizes[name] for name in given}, [sizes[name] for name in found]


class _Archive:
    """A program file; names are relative to the folder that all of it is in."""

    def __init__(self, archive: zipfile.ZipFile) -> None:
        self._archive = archive
        self._root = archive.namelist()[0].partition('/')[0]
        self.names = [name.removeprefix(f'{self._root}/') for name in archive.namelist()]

    def read(self, name: str, limit: int | None = None) -> bytes:
        info = self._archive.getinfo(f'{self._root}/{name}')
        if info.compress_type != zipfile.ZIP_STORED or (limit and info.file_size > limit):
            raise ProgramError(f'{name} is larger than it may be')
        return self._archive.read(info)

    def text(self, name: str) -> str:
        return self.read(name, _MAX_TEXT).decode()

    def copy(self, program: str) -> io.BytesIO:
        """The archive with a checked program and with weights, and without what could be anything else."""
        parts: dict[str, bytes | str] = {name: self.read(name, 100) for name in _ABOUT if name in self.names}
        for name in _CONFIGS:
            config = self.text(name)
            folder = name.rpartition('/')[0]
            parts |= {f'{folder}/{part}': self.read(f'{folder}/{part}') for part in check_weights(json.loads(config))}
            parts[name] = config
        sample = io.BytesIO()
        torch.save(((torch.zeros(1),), {}), sample)
        copy = io.BytesIO()
        with zipfile.ZipFile(copy, 'w') as archive:
            for name, content in {**parts, _MODEL: program, _SAMPLE: sample.getvalue()}.items():
                archive.writestr(f'model/{name}', content)
        copy.seek(0)
        return copy


@contextmanager
def _archive(file: str) -> Iterator[_Archive]:
    """Open a program file; whatever is wrong with it within the block is told in one sentence."""
    try:
        with zipfile.ZipFile(file) as archive:
            yield _Archive(archive)
    except ProgramError as error:
        raise UserError(f'{file} is not used, because it is more than a computation: {error}') from error
    except (zipfile.BadZipFile, KeyError, IndexError, TypeError, AttributeError, ValueError, RecursionError) as error:
        raise UserError(
            f'{file} is no program that this PyTorch ({torch.__version__}) writes, or it is damaged'
        ) from error
    except OSError as error:
        raise UserError(f'{file} cannot be read: {error.strerror or error}') from error
