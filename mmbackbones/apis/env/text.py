"""The report as text."""

import textwrap
from collections.abc import Iterator

from .machine import GIB
from .records import Environment, Gpu, Library

_WIDTH = 110
_NAMES = 14  # columns


def as_text(report: Environment) -> str:
    """The report in groups of aligned lines, without a line break at the end."""
    groups = {
        'System': [*_system(report)],
        'PyTorch': [*_torch(report)],
        'OpenMMLab': [*_stack(report)],
        'Libraries': [*_libraries(report)],
        'Space': [*_space(report)],
    }
    lines = []
    for title, rows in groups.items():
        lines.append(title)
        for name, value in rows:
            lines.extend(
                textwrap.wrap(
                    value,
                    _WIDTH,
                    initial_indent=f'  {name:{_NAMES}}',
                    subsequent_indent=' ' * (_NAMES + 2),
                    break_long_words=False,
                    break_on_hyphens=False,
                )
            )
        lines.append('')
    return '\n'.join([*lines, *_to_do(report)])


def _system(report: Environment) -> Iterator[tuple[str, str]]:
    ours, cpu = report.mmbackbones, report.cpu
    elsewhere = f'; {ours.installed} is installed' if ours.installed not in (None, ours.version) else ''
    broken = '; it cannot be imported (see below)' if ours.error else ''
    yield 'mmbackbones', f'{ours.version} ({ours.path}){elsewhere}{broken}'
    yield 'Python', f'{report.python.version} ({report.python.executable})'
    yield 'platform', report.python.platform
    cores = 'unknown' if cpu.usable_cores is None else f'{cpu.usable_cores:g}'
    yield 'CPU', f'{cpu.name}, {cores} of {cpu.cores or "unknown"} cores usable'
    yield 'instructions', 'unknown' if cpu.instructions is None else ', '.join(cpu.instructions) or 'none of interest'
    yield 'bfloat16', f'on the CPU: {cpu.bfloat16}'


def _torch(report: Environment) -> Iterator[tuple[str, str]]:
    torch = report.torch
    if torch.version is None:
        library = next((one for one in report.libraries if one.name == 'torch'), None)
        yield 'version', 'unknown' if library is None else _state(library)
        return
    built = f'{torch.build} {torch.cuda}' if torch.cuda else {'CPU': 'CPUs'}.get(str(torch.build), torch.build)
    cudnn = f', cuDNN {torch.cudnn}' if torch.cudnn else ''
    yield 'version', f'{torch.version}, built for {built}{cudnn}'
    kernels = f', {torch.cpu_kernels} kernels' if torch.cpu_kernels else ''
    yield 'on the CPU', f'{torch.threads} {"thread" if torch.threads == 1 else "threads"}{kernels}'
    for gpu in torch.gpus:
        yield gpu.device, _gpu(gpu)
    if not torch.gpus:
        yield 'GPUs', torch.gpu_fault or 'none'
    if torch.compiler:
        yield 'compiler', torch.compiler


def _gpu(gpu: Gpu) -> str:
    parts = [gpu.name]
    if gpu.memory is not None:
        free = f' ({_size(gpu.free)} free)' if gpu.free is not None else ''
        parts.append(f'{_size(gpu.memory)}{free}')
    if gpu.compute_capability:
        parts.append(f'compute capability {gpu.compute_capability}')
    if gpu.bfloat16 is not None:
        parts.append('bfloat16' if gpu.bfloat16 else 'no bfloat16')
    if not gpu.supported:
        parts.append('not supported by this PyTorch')
    return ', '.join(parts) + (f': {gpu.fault}' if gpu.fault else '')


def _stack(report: Environment) -> Iterator[tuple[str, str]]:
    stack = report.stack
    if stack.name is not None:
        yield 'stack', {'openmmlab': 'open-mmlab', 'onedl': 'OneDL'}[stack.name]
    else:
        none = all(part.status == 'missing' for part in stack.parts.values())
        yield 'stack', 'not installed' if none else 'two at once'
    for module, part in stack.parts.items():
        other = f' ({part.name})' if part.version is not None and part.name != module else ''
        yield module, _state(part) + other
    yield 'operators', stack.operators_mean


def _libraries(report: Environment) -> Iterator[tuple[str, str]]:
    fine = [one for one in report.libraries if one.status == 'ok' and one.name != 'torch']
    if fine:
        yield 'fine', ', '.join(f'{one.name} {one.version}' for one in fine)
    for one in report.libraries:
        if one.status != 'ok' and one.name != 'torch':
            yield one.name, _state(one)


def _state(library: Library) -> str:
    match library.status:
        case 'ok':
            return str(library.version)
        case 'missing':
            return f'missing{" (needed by " + library.needed_by + ")" if library.needed_by != "mmbackbones" else ""}'
        case 'broken':
            return f'{library.version}, broken: {library.error}'
    return f'{library.version}, {library.error}'


def _space(report: Environment) -> Iterator[tuple[str, str]]:
    memory = report.memory
    limit = f', of which this process may use {_size(memory.limit)}' if memory.limit is not None else ''
    yield 'memory', f'{_size(memory.total)}{limit}, {_size(memory.available)} available'
    yield 'freed memory', f'runs on the CPU keep it for the next batch: {memory.kept}'
    if memory.shared_total is not None:
        yield '/dev/shm', f'{_size(memory.shared_total)}, {_size(memory.shared_free)} free'
    titles = {'current': 'this folder', 'cache': 'checkpoints'}
    for name, folder in report.folders.items():
        locked = '' if folder.writable else ', not writable'
        yield titles[name], f'{_size(folder.free)} free in {folder.path}{locked}'


def _to_do(report: Environment) -> Iterator[str]:
    """One line each, never wrapped, so that commands can be copied."""
    needed = [item for item in report.to_do if item.needed]
    advice = [item for item in report.to_do if not item.needed]
    yield 'To do'
    yield from (f'  - {item}' for item in needed)
    if not needed:
        yield '  nothing: all that is needed is there'
    if advice:
        yield ''
        yield 'Worth doing'
        yield from (f'  - {item}' for item in advice)


def _size(size: int | None) -> str:
    return 'unknown' if size is None else f'{size / GIB:.1f} GiB'
