"""The report as data. The names of these attributes are the keys of ``mmbackbones env --json``, and stay."""

import dataclasses
from dataclasses import dataclass
from typing import Any

from .machine import Cpu, Folder, Memory


@dataclass(frozen=True)
class Python:
    """The interpreter.

    Attributes:
        version: Such as ``3.11.7``.
        executable: Its path.
        requires: The versions that mmbackbones supports; None if its metadata cannot be found.
        platform: Operating system, version and architecture.
    """

    version: str
    executable: str
    requires: str | None
    platform: str


@dataclass(frozen=True)
class Ours:
    """This package.

    Attributes:
        version: Its version.
        path: The folder that it is imported from.
        installed: The version that is registered as installed, from there or elsewhere; None if none is.
        error: Why ``import mmbackbones`` fails; None if it works.
    """

    version: str
    path: str
    installed: str | None
    error: str | None


@dataclass(frozen=True)
class Library:
    """A library that we need or would use.

    Attributes:
        name: The distribution's name.
        module: What it is imported as; None if that was not tried.
        version: The installed version; None if it is missing.
        requires: The versions that are allowed, '' for all; None if it is optional.
        needed_by: The distribution that needs it.
        status: 'ok', 'missing', 'wrong version', 'broken' (cannot be imported) or 'blocked' (needs one that is missing
            or broken).
        error: What is wrong with it; None if nothing is.
    """

    name: str
    module: str | None
    version: str | None
    requires: str | None
    needed_by: str
    status: str
    error: str | None


@dataclass(frozen=True)
class Gpu:
    """A GPU.

    Attributes:
        device: Its name in PyTorch.
        name: Its model.
        memory: Bytes of memory; None is unknown, here and below.
        free: Bytes of free memory.
        compute_capability: NVIDIA's version of its architecture.
        bfloat16: Whether it computes in bfloat16.
        supported: Whether this build of PyTorch has code for it.
        fault: Why it cannot be used; None if it can.
    """

    device: str
    name: str
    memory: int | None = None
    free: int | None = None
    compute_capability: str | None = None
    bfloat16: bool | None = None
    supported: bool = True
    fault: str | None = None


@dataclass(frozen=True)
class Torch:
    """PyTorch; all but `gpus` is None if it is missing or broken.

    Attributes:
        version: Its version.
        build: What it was built for: 'CUDA', 'ROCm', 'MPS' or 'CPU'.
        cuda: Version of CUDA or ROCm that it was built with.
        cudnn: Version of cuDNN.
        threads: Threads that it computes with on the CPU.
        cpu_kernels: The instruction sets that its own CPU kernels use, such as AVX512.
        gpus: The GPUs that it finds.
        gpu_fault: Why it finds none although it was built for them.
        compiler: Whether what ``--compile`` needs is there, in words.
    """

    version: str | None = None
    build: str | None = None
    cuda: str | None = None
    cudnn: str | None = None
    threads: int | None = None
    cpu_kernels: str | None = None
    gpus: tuple[Gpu, ...] = ()
    gpu_fault: str | None = None
    compiler: str | None = None


@dataclass(frozen=True)
class StackFound:
    """The libraries of OpenMMLab.

    Attributes:
        name: 'openmmlab' or 'onedl'; None if there is none, or both.
        problem: What is wrong with it as a whole; None if nothing is.
        parts: mmengine, mmcv, mmdet and mmseg, by these names.
        operators: 'compiled' (mmcv's own), 'stand-in' (ours), 'broken', or None if that cannot be told.
        operators_mean: What that means, in words.
        operators_faster: How to get compiled NMS and RoIAlign, where they would be much faster: on a GPU without them.
    """

    name: str | None
    problem: str | None
    parts: dict[str, Library]
    operators: str | None
    operators_mean: str
    operators_faster: str | None


@dataclass(frozen=True)
class ToDo:
    """Something to mend.

    Attributes:
        problem: What is wrong.
        remedy: What to do, mostly a command in backticks.
        needed: Whether mmbackbones does not work properly without; the others are advice.
    """

    problem: str
    remedy: str
    needed: bool = True

    def __str__(self) -> str:
        return f'{self.problem}: {self.remedy}'


@dataclass(frozen=True)
class Environment:
    """The whole report; :func:`str` gives it as text.

    Attributes:
        ok: Whether all that is needed is there.
        mmbackbones: This package.
        python: The interpreter and the system.
        cpu: The processor.
        memory: Main memory, in bytes.
        folders: The current folder and that of downloaded checkpoints ('cache'), with free bytes.
        torch: PyTorch and GPUs.
        stack: The libraries of OpenMMLab, and mmcv's operators.
        libraries: The others.
        to_do: What to mend, most important first.
    """

    mmbackbones: Ours
    python: Python
    cpu: Cpu
    memory: Memory
    folders: dict[str, Folder]
    torch: Torch
    stack: StackFound
    libraries: tuple[Library, ...]
    to_do: tuple[ToDo, ...]

    @property
    def ok(self) -> bool:
        return not any(item.needed for item in self.to_do)

    def as_dict(self) -> dict[str, Any]:
        """The report as JSON takes it."""
        return {'ok': self.ok, **dataclasses.asdict(self)}

    def __str__(self) -> str:
        from .text import as_text

        return as_text(self)
