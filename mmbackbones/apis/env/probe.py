"""Imports the libraries and says what they say about themselves.

:mod:`.libraries` runs this file as a script, in a process of its own: an import can print, never end, or take the
interpreter down with it. Standard input is one line of JSON: `path` for `sys.path`, `steps` to take, and `blocked`
modules, which ended such a process before. Standard output is a line of JSON before each step, its name, and one after,
what it found, or `error`.
"""

import importlib
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from types import ModuleType
from typing import Any

_Found = dict[str, Any]
_MAX_MESSAGE = 1000  # characters
BLOCKED: set[str] = set()  # steps that failed


def main() -> None:
    report = os.fdopen(os.dup(1), 'w', encoding='utf-8')
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # what libraries print, from C too
    request = json.loads(sys.stdin.readline())
    sys.path[:] = request['path']
    for module in request['blocked']:
        _block(module)
    for step in request['steps']:
        print(json.dumps(step), file=report, flush=True)
        try:
            found = SPECIAL[step]() if step in SPECIAL else {'version': _version(importlib.import_module(step))}
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # a library may raise anything, even exit
            found = {'error': _describe(error)}
            _block(step)
        print(json.dumps(found), file=report, flush=True)


def _block(step: str) -> None:
    """Let no further import try a library again: what needs it then says so, and soon."""
    BLOCKED.add(step)
    if '.' not in step:  # a part may be missing where the library itself works
        vars(sys)['modules'][step] = None


def _describe(error: BaseException) -> _Found:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return {
        'type': type(error).__name__,
        'message': lines[0][:_MAX_MESSAGE] if lines else '',
        'missing': next((e.name for e in _chain(error) if isinstance(e, ModuleNotFoundError) and e.name), None),
    }


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """An exception and those that it was raised from."""
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def _version(module: ModuleType) -> str | None:
    version = getattr(module, '__version__', None)
    return None if version is None else str(version)


def _torch() -> _Found:
    import torch

    version, cudnn = torch.version, None
    if version.cuda and (number := torch.backends.cudnn.version()):
        # 8902 is 8.9.2, 91002 is 9.10.2
        major, rest = divmod(number, 1000 if number < 10000 else 10000)
        cudnn = f'{major}.{rest // 100}.{rest % 100}'
    capability = getattr(torch.backends.cpu, 'get_cpu_capability', lambda: None)()
    hip, mps = getattr(version, 'hip', None), torch.backends.mps.is_built()
    return {
        'version': str(torch.__version__),
        'build': 'CUDA' if version.cuda else 'ROCm' if hip else 'MPS' if mps else 'CPU',
        'cuda': version.cuda or hip,
        'cudnn': cudnn,
        'threads': torch.get_num_threads(),
        'cpu_kernels': capability,
        'instructions': _instructions(torch),
    }


def _instructions(torch: Any) -> list[str] | None:
    """Instruction sets of the processor; None where this version of PyTorch does not say."""
    if not hasattr(torch.cpu, 'get_capabilities'):
        return None
    names = {
        'avx2': 'AVX2',
        'avx512_f': 'AVX-512',
        'avx512_bf16': 'AVX-512 BF16',
        'amx_tile': 'AMX',
        'amx_bf16': 'AMX BF16',
        'neon': 'NEON',
        'sve': 'SVE',
        'bf16': 'BF16',
    }
    known = torch.cpu.get_capabilities()
    return [name for key, name in names.items() if known.get(key)]


def _devices() -> _Found:
    """GPUs. The first use of one is where a driver that does not fit shows."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter('always')
        available = torch.cuda.is_available()
    fault = next((str(w.message).splitlines()[0] for w in caught if 'CUDA' in str(w.message)), None)
    gpus = [_gpu(torch, index) for index in range(torch.cuda.device_count())] if available else []
    if torch.backends.mps.is_available():
        limit = getattr(torch.mps, 'recommended_max_memory', lambda: None)()
        gpus.append({'device': 'mps', 'name': 'Apple GPU', 'memory': limit})
    return {'gpus': gpus, 'fault': fault if not gpus else None}


def _gpu(torch: Any, index: int) -> _Found:
    properties = torch.cuda.get_device_properties(index)
    found = {
        'device': f'cuda:{index}',
        'name': properties.name,
        'memory': properties.total_memory,
        'compute_capability': f'{properties.major}.{properties.minor}',
        'supported': _has_kernels(torch, properties),
    }
    try:
        with torch.cuda.device(index):
            found['free'] = torch.cuda.mem_get_info()[0]
            found['bfloat16'] = properties.major >= 8 if torch.version.cuda else torch.cuda.is_bf16_supported()
    except Exception as error:  # in use by another process alone, or without memory for this one
        found['fault'] = _describe(error)['message']
    return found


def _has_kernels(torch: Any, properties: Any) -> bool:
    """Whether this build of PyTorch has machine code for a GPU, or code that the driver can translate for it."""
    if not torch.version.cuda:
        return True
    own = (properties.major, properties.minor)
    for arch in torch.cuda.get_arch_list():
        kind, _, number = arch.partition('_')
        if not number.rstrip('af').isdecimal():
            continue
        built = divmod(int(number.rstrip('af')), 10)
        if built == own or (built < own and number[-1] != 'a' and (kind == 'compute' or built[0] == own[0])):
            return True
    return False


def _mmcv_operators() -> _Found:
    """Whether mmcv has compiled operators. Whatever they need of PyTorch has to be loaded before them."""
    import torch  # noqa: F401

    importlib.import_module('mmcv')
    if importlib.util.find_spec('mmcv._ext') is None:
        return {'compiled': False}
    importlib.import_module('mmcv._ext')
    return {'compiled': True}


def _mmbackbones() -> _Found:
    """Our own import, which registers the backbones, and what it chose."""
    import torch

    import mmbackbones

    mmbackbones.register()
    from mmbackbones.ops.mmcv_ext.in_use import operators_in_use
    from mmbackbones.weights import cache_dir

    on_gpu = 'devices' not in BLOCKED and torch.cuda.is_available()
    device = 'cuda' if on_gpu else 'mps' if torch.backends.mps.is_available() else 'cpu'
    operators, compiled = operators_in_use(device)
    return {'operators': operators, 'fast': compiled or device == 'cpu', 'cache': str(cache_dir())}


SPECIAL: dict[str, Callable[[], _Found]] = {
    'torch': _torch,
    'devices': _devices,
    'mmcv._ext': _mmcv_operators,
    'mmbackbones': _mmbackbones,
}


if __name__ == '__main__':
    main()
