"""The machine, as the standard library sees it: processor, memory, disks, compiler."""

import os
import platform
import shutil
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

from ...utils.host_allocator import kept_memory
from ...utils.processor import has_bfloat16, instructions_in, key_values
from .cgroup import cpu_limit, memory_limit, memory_used

GIB = 1 << 30


@dataclass(frozen=True)
class Cpu:
    """The processor.

    Attributes:
        name: Its model, or its architecture where the system names no model.
        cores: Logical processors of the machine.
        usable_cores: Those that this process may use, after affinity and the limit of its container; may be a fraction.
        instructions: Instruction sets that matter here; None if they are unknown.
        bfloat16: What that means for the speed of products in bfloat16, in words.
    """

    name: str
    cores: int | None
    usable_cores: float | None
    instructions: list[str] | None
    bfloat16: str


@dataclass(frozen=True)
class Memory:
    """Main memory, in bytes; None is unknown.

    Attributes:
        total: What the machine has.
        limit: What this process's container may use, if that is less.
        available: What is left, of the machine and of the limit.
        shared_total: Size of /dev/shm, through which the data workers pass images.
        shared_free: What is left of it.
        kept: Whether runs on the CPU keep freed memory for the next batch: ``yes``, or ``no`` and why not.
    """

    total: int | None
    limit: int | None
    available: int | None
    shared_total: int | None
    shared_free: int | None
    kept: str


@dataclass(frozen=True)
class Folder:
    """A folder that runs write to.

    Attributes:
        path: The folder; it need not exist yet.
        free: Bytes left on its disk; None is unknown.
        writable: Whether files can be made in it.
    """

    path: str
    free: int | None
    writable: bool


def look_at_cpu(seen_by_torch: list[str] | None = None) -> Cpu:
    """Look at the processor.

    Args:
        seen_by_torch: Instruction sets that PyTorch found, for systems that do not list them in /proc/cpuinfo.
    """
    lines = key_values('/proc/cpuinfo')
    known = instructions_in(lines)
    instructions = seen_by_torch if known is None else known
    return Cpu(
        name=lines.get('model name') or platform.processor() or platform.machine() or 'unknown',
        cores=os.cpu_count(),
        usable_cores=_usable_cores(),
        instructions=instructions,
        bfloat16=_bfloat16(instructions),
    )


def _bfloat16(instructions: list[str] | None) -> str:
    """How products in bfloat16 compare with float32.

    Measured with PyTorch 2.13 on one core of an Intel processor with AMX (family 6, model 207), where oneDNN was told
    to do without the newer instructions (ONEDNN_MAX_CPU_ISA). Time in float32 over time in bfloat16, for a matrix
    product and a 3x3 convolution: AMX 12 and 8, AVX-512 BF16 0.75 and 0.5, AVX-512 0.2 and 0.14, AVX2 0.01 and 0.14.
    """
    if instructions is None:
        return 'unknown'
    if 'AMX BF16' in instructions:
        return 'fast, several times the speed of float32 (AMX): use --amp'
    if 'AVX-512 BF16' in instructions:
        return 'half the memory of float32 (--amp), and no faster where measured (AVX-512 BF16 without AMX)'
    if 'AVX-512' in instructions:
        return 'no instructions for it, and several times slower than float32: no --amp'
    if 'AVX2' in instructions:
        return 'no instructions for it, and 10 times slower than float32 or worse: no --amp'
    return 'instructions for it (--amp), not measured' if has_bfloat16(instructions) else 'no instructions for it'


def look_at_memory() -> Memory:
    """Look at main memory and shared memory."""
    lines = key_values('/proc/meminfo')
    total, available = (_kilobytes(lines.get(key)) for key in ('MemTotal', 'MemAvailable'))
    if total is None:
        total = _physical_memory()
    limit = memory_limit()
    if limit is not None and total is not None and limit >= total:
        limit = None
    if limit is not None:
        left = max(0, limit - memory_used())
        available = left if available is None else min(available, left)
    return Memory(total, limit, available, *_disk(Path('/dev/shm')), kept_memory())


def look_at_compiler(on_gpu: bool) -> str:
    """Whether ``--compile`` finds what PyTorch will look for, in words.

    Args:
        on_gpu: Whether runs use an NVIDIA GPU, for which Triton compiles.
    """
    if on_gpu:
        own, names = os.environ.get('CC'), ('gcc', 'clang')
    else:
        own, names = os.environ.get('CXX'), ({'darwin': 'clang++', 'win32': 'cl'}.get(sys.platform, 'g++'),)
    names = (own,) if own else names
    compiler = next((name for name in names if shutil.which(name)), None)
    headers = Path(sysconfig.get_path('include'), 'Python.h').is_file()
    missing = [*([] if compiler else [' or '.join(names)]), *([] if headers else ["Python's header files"])]
    if missing:
        return f'--compile cannot be used: PyTorch does not find {" and ".join(missing)}'
    return f"for --compile, {compiler} and Python's header files are there"


def look_at_folder(path: Path) -> Folder:
    """Look at a folder, or, if it does not exist yet, at the one that it would be made in."""
    exists = next((folder for folder in (path, *path.parents) if folder.is_dir()), None)
    free = _disk(exists)[1] if exists else None
    writable = exists is not None and os.access(exists, os.W_OK | os.X_OK)
    return Folder(str(path), free, writable)


def _usable_cores() -> float | None:
    try:
        cores: float | None = len(os.sched_getaffinity(0))
    except (AttributeError, OSError):  # not on this system
        cores = os.cpu_count()
    limit = cpu_limit()
    return limit if limit is not None and (cores is None or limit < cores) else cores


def _physical_memory() -> int | None:
    try:
        return os.sysconf('SC_PHYS_PAGES') * os.sysconf('SC_PAGE_SIZE')
    except (AttributeError, OSError, ValueError):  # Windows, or a system that does not say
        return None


def _disk(folder: Path) -> tuple[int | None, int | None]:
    """Size of the disk that a folder is on, and what is left of it."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return None, None
    return usage.total, usage.free


def _kilobytes(text: str | None) -> int | None:
    number = (text or '').removesuffix(' kB')
    return int(number) << 10 if number.isdecimal() else None
