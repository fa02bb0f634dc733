"""What is to be mended, and how: where that is a command, the exact one."""

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

from ...utils.stack import Stack
from .machine import GIB
from .records import Environment, Library, ToDo
from .requirements import OPENCV, clone, installed_version, python_allowed

_LITTLE_DISK = 2 * GIB  # a training run writes a checkpoint of 0.1 to 1 GB after every epoch
_LITTLE_SHARED_MEMORY = GIB
_EXPORT = ('onnx', 'onnxruntime', 'openvino')  # ONNX and OpenVINO; programs of torch.export need none
# What OpenCV loads and slim containers lack.
_SYSTEM_LIBRARIES = re.compile(r'lib(GL|glib|gthread|SM|Xext|Xrender)\b.*\.so')


def what_to_do(report: Environment, stack: Stack | None) -> list[ToDo]:
    """List what is missing, too old or broken, most important first, each with what mends it."""
    needed = [*_python(), *_libraries(report), *_stack(report, stack)]
    if not needed:  # otherwise these may be consequences
        needed = [*_imports(report, stack)]
    items = [*needed, *_advice(report, stack)]
    if pip := [item for item in items if '`pip ' in item.remedy]:
        items = [*_pip(needed=any(item.needed for item in pip)), *items]
    return [ToDo(item.problem, _exact(item.remedy), item.needed) for item in items]


def _python() -> Iterator[ToDo]:
    allowed = python_allowed()
    if allowed is not None and allowed[1] is False:
        version = '.'.join(map(str, sys.version_info[:3]))
        yield ToDo(f'Python {version} is not supported', f'use Python {allowed[0]}')


def _libraries(report: Environment) -> Iterator[ToDo]:
    missing = [one for one in report.libraries if one.status == 'missing']
    if missing:
        requirements = ' '.join(f'"{_requirement(one)}"' for one in missing)
        names = ', '.join(one.name for one in missing)
        yield ToDo(f'not installed: {names}', f'run `pip install {requirements}`')
    tried = set()
    for one in report.libraries:
        if one.status == 'wrong version':
            yield ToDo(f'{one.name} {one.version}: {one.error}', f'run `pip install "{_requirement(one)}"`')
        elif one.status == 'broken' and one.module not in tried:
            tried.add(one.module)
            yield ToDo(f'{one.name} {one.version} cannot be imported ({one.error})', _reinstall(one))


def _reinstall(library: Library) -> str:
    """How to mend a library that cannot be imported."""
    if library.module == 'cv2' and _SYSTEM_LIBRARIES.search(library.error or ''):
        return 'run `apt-get update && apt-get install -y libgl1 libglib2.0-0` (Debian, Ubuntu)'
    if library.name == 'torch':  # its parts included, and no version that other libraries were not built for
        return f'run `pip install --force-reinstall "torch=={str(library.version).partition("+")[0]}"`'
    # The newest version, which was built for the NumPy that is there.
    return f'run `pip install --upgrade --force-reinstall --no-deps "{_requirement(library)}"`'


def _stack(report: Environment, stack: Stack | None) -> Iterator[ToDo]:
    if stack is None or report.stack.problem is not None:
        yield _from_sentence(report.stack.problem or 'which stack is installed cannot be told')
        return
    for module, part in report.stack.parts.items():
        if part.status == 'wrong version':
            yield ToDo(f'{part.name} {part.version}: {part.error}', _replace(part, stack.requirements[module]))
    if report.stack.operators == 'broken':
        remedy = _replace(report.stack.parts['mmcv'], stack.requirements['mmcv'])
        yield ToDo(report.stack.operators_mean, f'{remedy} (stand-ins will take their place), or build them anew')


def _replace(part: Library, requirement: str) -> str:
    name = re.split('[<>=]', requirement)[0]
    if part.name == name:
        return f'run `pip install --force-reinstall --no-deps "{requirement}"`'
    return f'run `pip uninstall {part.name}`, then `pip install "{requirement}"`'


def _imports(report: Environment, stack: Stack | None) -> Iterator[ToDo]:
    """Imports that fail although all that is required is there."""
    parts = report.stack.parts
    for module, part in parts.items():
        if part.status == 'broken' and stack is not None:
            yield ToDo(f'{module} {part.version} is broken ({part.error})', _replace(part, stack.requirements[module]))
    if report.mmbackbones.error and all(part.status != 'broken' for part in parts.values()):
        yield ToDo(
            f'import mmbackbones fails ({report.mmbackbones.error})', 'report it, with the output of this command'
        )


def _from_sentence(sentence: str, needed: bool = True) -> ToDo:
    problem, _, commands = sentence.partition(': run ')
    return ToDo(problem, f'run {commands}' if commands else 'install one stack', needed)


def _advice(report: Environment, stack: Stack | None) -> Iterator[ToDo]:
    """What works, but not as it could."""
    if stack is not None and report.stack.problem is None:  # then at most one of mmdet and mmseg is missing
        for module, part in report.stack.parts.items():
            if part.status == 'missing':
                remedy = f'run `pip install "{stack.requirements[module]}"`'
                yield ToDo(f'models of {module} cannot be used, because it is not installed', remedy, needed=False)
    if names := [name for name in _EXPORT if installed_version(name) is None]:
        problem = f'exporting models, and using exported files, needs what is not installed: {", ".join(names)}'
        yield ToDo(problem, f'run `pip install {" ".join(names)}`', needed=False)
    opencvs = {name: version for name in OPENCV if (version := installed_version(name))}
    if len(set(opencvs.values())) > 1:  # of one version, they bring the same files
        listed = ', '.join(f'{name} {version}' for name, version in opencvs.items())
        remedy = f'run `pip uninstall {" ".join(opencvs)}`, then `pip install opencv-python`'
        yield ToDo(f'{listed}: their files overwrite each other', remedy, needed=False)
    yield from _gpus(report)
    threads, cores = report.torch.threads, report.cpu.usable_cores
    if threads is not None and cores is not None and threads > max(1, cores):
        yield ToDo(
            f'PyTorch computes with {threads} threads, but this process may use {cores:g} cores, which is slow',
            f'run `export OMP_NUM_THREADS={max(1, int(cores))}` first',
            needed=False,
        )
    shared = report.memory.shared_total
    if shared is not None and shared < _LITTLE_SHARED_MEMORY:
        yield ToDo(
            f'/dev/shm holds {shared / GIB:.2f} GiB, and data workers that pass images through it die when it is full',
            'start the container with `docker run --shm-size=8g`, or train with `--cfg-options '
            'train_dataloader.num_workers=0 val_dataloader.num_workers=0`',
            needed=False,
        )
    elsewhere = {
        'current': 'change to another folder, or write elsewhere with `--work-dir DIR`',
        'cache': 'run `export TORCH_HOME=DIR` with a folder on another disk first',
    }
    for name, folder in report.folders.items():
        if not folder.writable:
            yield ToDo(f'{folder.path} cannot be written to', elsewhere[name], needed=False)
        elif folder.free is not None and folder.free < _LITTLE_DISK:
            left = f'{folder.free / GIB:.1f} GiB are free in {folder.path}'
            yield ToDo(f'only {left}', f'make room, or {elsewhere[name]}', needed=False)


def _gpus(report: Environment) -> Iterator[ToDo]:
    torch = report.torch
    install = 'install the PyTorch for it as https://pytorch.org/get-started/locally says'
    if torch.build == 'CPU' and (Path('/proc/driver/nvidia/version').exists() or shutil.which('nvidia-smi')):
        yield ToDo(f'there is an NVIDIA GPU, but PyTorch {torch.version} is built for CPUs', install, needed=False)
    if torch.gpu_fault:
        yield ToDo(
            f'PyTorch {torch.version}, built for {torch.build} {torch.cuda}, cannot use the GPU ({torch.gpu_fault})',
            'update the driver, or install a PyTorch for it as https://pytorch.org/get-started/locally says',
            needed=False,
        )
    for gpu in torch.gpus:
        if not gpu.supported:
            yield ToDo(
                f'PyTorch {torch.version} has no code for {gpu.name} (compute capability {gpu.compute_capability})',
                install,
                needed=False,
            )
        if gpu.fault:
            yield ToDo(f'{gpu.device} cannot be used ({gpu.fault})', 'see with `nvidia-smi` who uses it', needed=False)
    if faster := report.stack.operators_faster:
        remedy = f'run `{faster}`' if ' -m pip ' in faster else faster
        yield ToDo('NMS and RoIAlign are slow on the GPU without compiled operators', remedy, needed=False)


def _pip(needed: bool) -> Iterator[ToDo]:
    """What keeps the commands below from working."""
    managed = Path(sysconfig.get_path('stdlib')) / 'EXTERNALLY-MANAGED'
    if sys.prefix == sys.base_prefix and managed.exists():
        yield ToDo(
            "this Python is the system's, into which pip installs nothing",
            f'run `{_python_path()} -m venv .venv`, and start again with its Python',
            needed,
        )
    elif find_spec('pip') is None and shutil.which('uv') is None:
        yield ToDo('pip is not installed', f'run `{_python_path()} -m ensurepip`', needed)


def _exact(remedy: str) -> str:
    """Put this Python, and the clone that it runs, into the commands of a remedy."""
    folder = clone()
    if folder is not None:
        remedy = re.sub(r'"mmbackbones\[(\w+)\]"', lambda found: f'-e {_quote(f"{folder}[{found[1]}]")}', remedy)
    if find_spec('pip') is None and shutil.which('uv'):
        return re.sub('`pip (install|uninstall)', lambda found: f'`uv pip {found[1]} --python {_python_path()}', remedy)
    return remedy.replace('`pip ', f'`{_python_path()} -m pip ')


def _requirement(library: Library) -> str:
    return f'{library.name}{library.requires or ""}'


def _python_path() -> str:
    return _quote(sys.executable)


def _quote(text: str) -> str:
    return subprocess.list2cmdline([text]) if os.name == 'nt' else shlex.quote(text)
