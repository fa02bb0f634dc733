"""Exported files, opened to be run: an array of images in, named arrays out."""

import os
from abc import ABC, abstractmethod
from typing import Any, TypeAlias

import numpy as np
import torch

from ..errors import UserError, summarize_error
from .extra import need
from .formats import format_of
from .metadata import Metadata, from_properties
from .onnx_metadata import read_onnx_entries
from .openvino_file import read_openvino
from .program_file import read_program, read_program_entries

Shape: TypeAlias = tuple[int | str, ...]  # names or -1 stand for any size


class Session(ABC):
    """An open file.

    Attributes:
        device: Where it computes: ``cpu``, or ``cuda`` with its number.
        inputs: Name and shape of each input.
        outputs: The same of each output.
    """

    device = torch.device('cpu')
    inputs: dict[str, Shape]
    outputs: dict[str, Shape]

    @property
    def static_size(self) -> tuple[int, int] | None:
        """Height and width of the only images that it takes, one at a time; None for any."""
        height, width = next(iter(self.inputs.values()))[2:]
        return (height, width) if isinstance(height, int) and isinstance(width, int) and height > 0 < width else None

    def run(self, images: np.ndarray) -> dict[str, np.ndarray]:
        """Compute the outputs.

        Args:
            images: float32 (N, 3, H, W), normalized.
        """
        return dict(zip(self.outputs, self._run(np.ascontiguousarray(images, np.float32)), strict=True))

    @abstractmethod
    def _run(self, images: np.ndarray) -> list[np.ndarray]: ...


class OnnxSession(Session):
    """An ONNX file in onnxruntime.

    Args:
        file: The file.
        device: ``cpu``, or ``cuda`` with or without a number; None for CUDA where onnxruntime has it, else the CPU.
    """

    def __init__(self, file: str, device: torch.device | None) -> None:
        runtime = need('running an ONNX file', 'onnxruntime')
        cuda = 'CUDAExecutionProvider' in runtime.get_available_providers()
        if device is None:
            device = torch.device('cuda:0' if cuda and torch.cuda.is_available() else 'cpu')
        if device.type not in ('cpu', 'cuda') or (device.type == 'cuda' and not cuda):
            raise UserError(
                f'{file} cannot run on {device}: the installed onnxruntime runs on the CPU; install onnxruntime-gpu in '
                "place of it, or give device='cpu'"
            )
        options = runtime.SessionOptions()
        options.intra_op_num_threads = torch.get_num_threads()
        options.log_severity_level = 3  # errors
        providers: list[Any] = ['CPUExecutionProvider']
        if device.type == 'cuda':
            providers.insert(0, ('CUDAExecutionProvider', dict(device_id=device.index or 0)))
        self.device = device
        self._session = runtime.InferenceSession(file, options, providers=providers)
        self.inputs = {item.name: tuple(item.shape) for item in self._session.get_inputs()}
        self.outputs = {item.name: tuple(item.shape) for item in self._session.get_outputs()}

    def _run(self, images: np.ndarray) -> list[np.ndarray]:
        return self._session.run(None, {next(iter(self.inputs)): images})


class OpenVinoSession(Session):
    """A file of OpenVINO, on the CPU, in single precision."""

    def __init__(self, file: str, device: torch.device | None) -> None:
        _only_on_cpu(file, device, 'OpenVINO')
        openvino = need('running an OpenVINO file', 'openvino')
        model: Any = read_openvino(file)[0]
        # By default it computes in half precision where the processor can, and takes kernels that it has made for
        # images of one size for those of others, with results that are off by up to a tenth.
        precision, cache = {'INFERENCE_PRECISION_HINT': 'f32'}, {'CPU_RUNTIME_CACHE_CAPACITY': '0'}
        config = {**precision, **cache, 'INFERENCE_NUM_THREADS': torch.get_num_threads()}
        self._compiled = openvino.Core().compile_model(model, 'CPU', config)
        self.inputs, self.outputs = (
            {item.any_name: _sizes(item.partial_shape) for item in items}
            for items in (self._compiled.inputs, self._compiled.outputs)
        )

    def _run(self, images: np.ndarray) -> list[np.ndarray]:
        found = self._compiled(images)
        return [np.array(found[output]) for output in self._compiled.outputs]  # its arrays are written to again


class ProgramSession(Session):
    """A program of `torch.export`, on the CPU."""

    def __init__(self, file: str, device: torch.device | None) -> None:
        _only_on_cpu(file, device, 'PyTorch')
        self._file = file
        self._module, self.inputs, self.outputs = read_program(file)

    def _run(self, images: np.ndarray) -> list[np.ndarray]:
        try:
            with torch.no_grad(), torch.autocast('cpu', enabled=False):
                return [output.numpy() for output in self._module(torch.from_numpy(images))]
        except (AssertionError, RuntimeError) as error:  # PyTorch refuses sizes that it has taken for others
            height, width = images.shape[2:]
            reason = summarize_error(error)
            raise UserError(f'{self._file} does not take images of {width}x{height} pixels: {reason}') from error


_SESSIONS: dict[str, Any] = {'onnx': OnnxSession, 'openvino': OpenVinoSession, 'torch-export': ProgramSession}
_READERS: dict[str, Any] = {
    'onnx': read_onnx_entries,
    'openvino': lambda file: read_openvino(file)[1],
    'torch-export': read_program_entries,
}


def read_metadata(file: str | os.PathLike[str]) -> Metadata:
    """What an exported file says of itself.

    Raises:
        UserError: There is no such file, it cannot be read, or it was not written by ``mmbackbones export``.
    """
    file = os.fspath(file)
    if not os.path.isfile(file):
        raise UserError(f'{file} {"is no file" if os.path.exists(file) else "does not exist"}')
    return from_properties(_READERS[format_of(file)](file), file)


def open_session(file: str | os.PathLike[str], device: torch.device | None = None) -> Session:
    """Open an exported file to run it.

    Args:
        file: A file of one of :data:`~mmbackbones.export.formats.SUFFIXES`.
        device: Where to run it; None for the best there is.

    Raises:
        UserError: The library that runs it is missing, it cannot be opened, or it cannot run on that device.
    """
    file = os.fspath(file)
    try:
        return _SESSIONS[format_of(file)](file, device)
    except UserError:
        raise
    except Exception as error:  # of four libraries, for whatever a file may hold
        raise UserError(f'{file} cannot be opened: {summarize_error(error)}') from error


def _only_on_cpu(file: str, device: torch.device | None, runtime: str) -> None:
    if device is not None and device.type != 'cpu':
        raise UserError(f'{file} cannot run on {device}: {runtime} runs exported files on the CPU here')


def _sizes(shape: Any) -> Shape:
    return tuple(length.get_length() if length.is_static else -1 for length in shape)
