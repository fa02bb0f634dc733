"""Automatic mixed precision: float16 on GPUs, bfloat16 on CPUs that have instructions for it."""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import torch
from mmengine.config import Config
from mmengine.device import get_device
from torch import nn

from ..errors import UserError
from ..utils.messages import tell
from ..utils.processor import has_bfloat16, instructions_in, key_values
from .bfloat16_training import Bfloat16OptimWrapper
from .float32_boxes import use_float32_boxes
from .float32_heads import float32_heads

AMP_WRAPPERS = _MMENGINES, _OURS = 'AmpOptimWrapper', Bfloat16OptimWrapper.__name__
_HALF = {'cuda': torch.float16, 'cpu': torch.bfloat16}  # for predictions
_NO_BFLOAT16 = (
    '--amp computes in bfloat16 on a CPU, and this one has no instructions for it, so that it would be many times '
    'slower than without: leave --amp out, or use a GPU'
)


@cache
def cpu_has_bfloat16() -> bool:
    """Whether this CPU has instructions for bfloat16 that PyTorch uses: AMX, AVX-512 BF16, or those of ARM."""
    if not torch.backends.mkldnn.is_available() or not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return False
    instructions = instructions_in(key_values('/proc/cpuinfo'))
    if instructions is not None:
        return has_bfloat16(instructions)
    known: dict[str, Any] = getattr(torch.cpu, 'get_capabilities', dict)()  # other systems than Linux
    return any(known.get(name) for name in ('amx_bf16', 'avx512_bf16', 'bf16'))


def uses_amp(cfg: Config) -> bool:
    """Whether a config trains in mixed precision."""
    return cfg.optim_wrapper.get('type') in AMP_WRAPPERS


def half_type(cfg: Config, *, test: bool) -> str:
    """The name of the half precision that a run computes in, such as ``bfloat16``; '' if it computes in float32.

    Args:
        cfg: The run's config, as :func:`fit_amp` or :func:`test_in_half_precision` left it.
        test: Whether it tests, and does not train.
    """
    if test:
        return str(_HALF[get_device()]).removeprefix('torch.') if cfg.test_cfg.get('fp16') else ''
    if not uses_amp(cfg):
        return ''
    return 'bfloat16' if cfg.optim_wrapper.type == _OURS else cfg.optim_wrapper.get('dtype') or 'float16'


def check_half_precision(device: str, use: str = ', and this model is on the device') -> None:
    """Raise UserError unless this type of device computes in half precision; `use` leads to its name in the message."""
    if device not in _HALF:
        raise UserError(f'--amp needs an NVIDIA GPU or a CPU{use} {device}')
    if device == 'cpu' and not cpu_has_bfloat16():
        raise UserError(_NO_BFLOAT16)


@contextmanager
def half_precision(network: nn.Module, device: str) -> Iterator[None]:
    """Within the block, a network predicts in half precision: in float16 on GPUs, in bfloat16 on CPUs.

    Args:
        network: A detector or segmentor.
        device: Type of the device that it is on, such as ``cuda``.
    """
    with torch.autocast(device, _HALF[device]), float32_heads(network):
        yield


def test_in_half_precision(cfg: Config) -> None:
    """Compute in half precision in a test, which has to run within :func:`float32_heads`.

    Raises:
        UserError: The device cannot do it.
    """
    check_half_precision(get_device())
    cfg.test_cfg.fp16 = True
    use_float32_boxes(cfg)


def set_amp(cfg: Config) -> None:
    """Have a config train in mixed precision, with dynamic loss scaling unless it has its own.

    Raises:
        UserError: The device cannot do it.
    """
    check_half_precision(get_device(), '; this machine trains on the')
    cfg.optim_wrapper.type = _MMENGINES
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def fit_amp(cfg: Config) -> None:
    """Train in the precision that the device has, where a config asks for mixed precision, and log a change.

    MMEngine's ``AmpOptimWrapper`` would end the program with an AssertionError where there is no GPU. A CPU with
    instructions for bfloat16 takes that, without loss scaling; others, and other devices, take float32.
    """
    device, wrapper = get_device(), cfg.optim_wrapper
    if not uses_amp(cfg) or (device == 'cuda' and wrapper.type == _MMENGINES):
        return
    if device == 'cuda' or (device == 'cpu' and cpu_has_bfloat16()):
        wrapper.type = _OURS
        use_float32_boxes(cfg)
    else:
        wrapper.type = 'OptimWrapper'
        tell(f'this config asks for half precision, which the {device} here does not have: it trains in float32')
    for key in ('loss_scale', 'dtype'):
        wrapper.pop(key, None)
