"""Automatic mixed precision, where the device has it."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial

import torch
from mmengine.config import Config
from mmengine.device import get_device

from ..errors import UserError
from ..utils.messages import tell
from .float32_boxes import use_float32_boxes

_HALF = {'cuda': torch.float16, 'cpu': torch.bfloat16}  # for predictions
_UNSUPPORTED = ('cpu', 'mps')  # devices on which MMEngine has no mixed precision


def half_precision(device: str) -> Callable[[], AbstractContextManager]:
    """What predictions in half precision are computed in: float16 on GPUs, bfloat16 on CPUs.

    Args:
        device: Type of the device, such as ``cuda``.

    Returns:
        A function that returns a context manager.

    Raises:
        UserError: The device cannot do it.
    """
    if device not in _HALF:
        raise UserError(f'--amp needs an NVIDIA GPU or a CPU, and this model is on the device {device}')
    return partial(torch.autocast, device, dtype=_HALF[device])


def test_in_half_precision(cfg: Config) -> None:
    """Compute in half precision in a test.

    Raises:
        UserError: The device cannot do it.
    """
    half_precision(get_device())
    cfg.test_cfg.fp16 = True
    use_float32_boxes(cfg)


def set_amp(cfg: Config) -> None:
    """Train in mixed precision, with dynamic loss scaling unless the config has its own.

    Raises:
        UserError: The device cannot do it.
    """
    device = get_device()
    if device in _UNSUPPORTED:
        raise UserError(f'--amp needs a GPU; this machine trains on the {device}')
    cfg.optim_wrapper.type = 'AmpOptimWrapper'
    cfg.optim_wrapper.setdefault('loss_scale', 'dynamic')


def drop_unsupported_amp(cfg: Config) -> None:
    """Train in float32 where a config asks for mixed precision and the device cannot do it, and log that.

    MMEngine's ``AmpOptimWrapper`` would end the program with an AssertionError there.
    """
    device = get_device()
    if device in _UNSUPPORTED and cfg.optim_wrapper.type == 'AmpOptimWrapper':
        cfg.optim_wrapper.type = 'OptimWrapper'
        for key in ('loss_scale', 'dtype'):
            cfg.optim_wrapper.pop(key, None)
        tell(
            f'this config trains in half precision, which needs a GPU: training in float32 on the {device}',
        )
