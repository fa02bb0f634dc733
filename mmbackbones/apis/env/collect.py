"""Gathers the report."""

import platform
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...errors import printable
from ...utils.stack import NEEDED_ON_IMPORT, STACKS, Stack, find_stack, stack_problem
from .libraries import try_libraries
from .machine import look_at_compiler, look_at_cpu, look_at_folder, look_at_memory
from .records import Environment, Gpu, Library, Ours, Python, StackFound, Torch
from .requirements import (
    OPENCV,
    PACKAGE,
    Requirement,
    installed_version,
    python_allowed,
    read_requirement,
    requirements,
)
from .to_do import what_to_do

_Found = dict[str, dict[str, Any]]

# What is imported of those that we require: compiled code that breaks beside another version of NumPy or PyTorch.
_IMPORTED = {'torch': 'torch', 'numpy': 'numpy', 'pycocotools': 'pycocotools.mask', **dict.fromkeys(OPENCV, 'cv2')}
_LEAST = ('torch', 'numpy', 'pycocotools')
# What is used where it is installed.
_OPTIONAL = (
    'torchvision',
    'onnx',
    'onnxruntime',
    'onnxscript',
    'openvino',
    'gradio',
    'tensorboard',
    'wandb',
    'mlflow-skinny',
)
# What it means that stand-ins take the place of mmcv's operators.
_STAND_INS = 'deformable convolutions and other rare operators are not there (docs/detectors.md)'
_COMMAND_FOLLOWS = '; for compiled ones: '  # in the sentence of `operators_in_use`
_MAX_ERROR = 300  # characters


def environment() -> Environment:
    """Look at this machine and this Python.

    Returns:
        The report; its `ok` says whether all that is needed is there. Nothing that is missing or broken raises.
    """
    found = try_libraries()
    stack = find_stack()
    report = Environment(
        mmbackbones=_ours(found),
        python=_python(),
        cpu=look_at_cpu(found['torch'].get('instructions')),
        memory=look_at_memory(),
        folders=_folders(found),
        torch=_torch(found),
        stack=_stack(stack, found),
        libraries=tuple(_libraries(stack, found)),
        to_do=(),
    )
    return replace(report, to_do=tuple(what_to_do(report, stack)))


def _python() -> Python:
    allowed = python_allowed()
    return Python(
        version=platform.python_version(),
        executable=sys.executable,
        requires=allowed[0] if allowed else None,
        platform=platform.platform(),
    )


def _ours(found: _Found) -> Ours:
    version = getattr(sys.modules['mmbackbones'], '__version__', 'unknown')
    return Ours(version, str(PACKAGE), installed_version('mmbackbones'), _error(found, 'mmbackbones'))


def _folders(found: _Found) -> dict[str, Any]:
    folders = {'current': look_at_folder(Path.cwd())}
    if cache := found['mmbackbones'].get('cache'):
        folders['cache'] = look_at_folder(Path(cache))
    return folders


def _torch(found: _Found) -> Torch:
    keys = ('version', 'build', 'cuda', 'cudnn', 'threads', 'cpu_kernels')
    facts = {key: found['torch'].get(key) for key in keys}
    gpus = tuple(Gpu(**gpu) for gpu in found['devices'].get('gpus', ()))
    fault = found['devices'].get('fault') or (_error(found, 'devices') if facts['version'] else None)
    compiler = look_at_compiler(any(gpu.device.startswith('cuda') for gpu in gpus)) if facts['version'] else None
    return Torch(**facts, gpus=gpus, gpu_fault=fault, compiler=compiler)


def _stack(stack: Stack | None, found: _Found) -> StackFound:
    installed = stack.installed() if stack else {}
    parts = {}
    for module in STACKS[0].requirements:
        requirement = None
        if stack is not None:
            others = tuple(installed.get(module, ()))
            requirement = read_requirement(stack.requirements[module], 'mmbackbones', instead=others)
        parts[module] = _part(requirement or Requirement(module, '', 'mmbackbones', None, None, module), module, found)
    operators, meaning = _operators(parts['mmcv'], found)
    faster = None
    if not found['mmbackbones'].get('fast', True):
        faster = found['mmbackbones']['operators'].partition(_COMMAND_FOLLOWS)[2] or None
    # One of mmdet and mmseg is enough for models of its kind.
    neither = [module for module in ('mmdet', 'mmseg') if parts[module].status == 'missing']
    problem = stack_problem((*NEEDED_ON_IMPORT, *(neither if len(neither) == 2 else ())))
    return StackFound(stack.name if stack else None, problem, parts, operators, meaning, faster)


def _part(requirement: Requirement, module: str, found: _Found) -> Library:
    """One of the stack's libraries, whose files may belong to another distribution than the one that is registered."""
    library = _library(requirement, module, found)
    imported = found[module].get('version') or ''
    installed = library.version or ''
    if library.status == 'ok' and not installed.startswith(imported) and not imported.startswith(installed):
        return replace(library, status='broken', error=f'its files are those of version {imported}')
    return library


def _operators(mmcv: Library, found: _Found) -> tuple[str | None, str]:
    """What mmcv's operators are, and what that means."""
    tried = found['mmcv._ext']
    if 'compiled' not in tried:
        if mmcv.status in ('missing', 'broken', 'blocked') or _blocked_by('mmcv._ext', found):
            return None, 'unknown'
        return 'broken', f"mmcv's compiled operators cannot be loaded: {_error(found, 'mmcv._ext')}"
    said = found['mmbackbones'].get('operators', '').partition(_COMMAND_FOLLOWS)[0]
    if tried['compiled']:
        return 'compiled', said or 'mmcv has its compiled operators'
    return 'stand-in', f'{said or "mmcv has no compiled operators"}; {_STAND_INS}'


def _libraries(stack: Stack | None, found: _Found) -> Iterator[Library]:
    """All that we require, then what the stack requires and lacks, then what is optional and there."""
    ours = requirements('mmbackbones', stack.name if stack else '')
    if not ours:  # not installed, and Python 3.10 cannot read the clone's
        ours = [one for name in _LEAST if (one := read_requirement(name, 'mmbackbones'))]
    of_stack = {name for one in STACKS for name in one.distributions.values()}
    listed = {one.name: one for one in ours if one.name not in of_stack}
    for versions in (stack.installed() if stack else {}).values():
        for one in (one for name in versions for one in requirements(name) if one.name not in of_stack):
            known = listed.get(one.name)
            if (known is None and (not one.met or one.name in _IMPORTED)) or (known and known.met and not one.met):
                listed[one.name] = one
    for one in listed.values():
        yield _library(one, _IMPORTED.get(one.name), found)
    for name in _OPTIONAL:
        if name not in listed and (version := installed_version(name)):
            yield Library(name, None, version, None, 'mmbackbones', 'ok', None)


def _library(required: Requirement, module: str | None, found: _Found) -> Library:
    version = required.version or (found[module].get('version') if module else None)
    error = _error(found, module) if module else None
    status = 'ok'
    if version is None and (error is None or _missing(module, found)):
        status, error = 'missing', None
    elif required.allowed is False:
        status, error = 'wrong version', f'{required.needed_by} needs {required.name}{required.specifier}'
    elif module and _blocked_by(module, found):
        status = 'blocked'
    elif error:
        status = 'broken'
    return Library(required.installed, module, version, required.specifier, required.needed_by, status, error)


def _missing(module: str | None, found: _Found) -> bool:
    """Whether a module was not found itself, rather than one that it needs."""
    error = found[module]['error'] if module else {}
    return error.get('missing') is not None and error['missing'] == (module or '').partition('.')[0]


def _blocked_by(step: str, found: _Found) -> str | None:
    """The library that a step failed for, if that one failed by itself."""
    missing = str(found[step].get('error', {}).get('missing')).partition('.')[0]
    return missing if missing != step.partition('.')[0] and 'error' in found.get(missing, {}) else None


def _error(found: _Found, step: str) -> str | None:
    """Why a step failed, on one line; None if it did not."""
    if 'error' not in found[step]:
        return None
    if cause := _blocked_by(step, found):
        return f'needs {cause}'
    kind, message = found[step]['error']['type'], printable(' '.join(found[step]['error']['message'].split()))
    message = message if len(message) <= _MAX_ERROR else f'{message[:_MAX_ERROR]} ...'
    return message if ' ' in message else f'{kind}: {message}' if message else kind
