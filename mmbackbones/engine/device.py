"""Where networks compute."""

import torch
from mmengine.device import get_device
from torch import nn

from ..errors import UserError


def device_of(network: nn.Module) -> torch.device:
    """The device that a network names itself, as exported files do, which have no weights; else that of its weights."""
    own = getattr(network, 'device', None)
    return own if isinstance(own, torch.device) else next(network.parameters()).device


def find_device(name: str | torch.device | None) -> torch.device:
    """The device that is meant.

    Args:
        name: As PyTorch names it; None for the best there is.

    Raises:
        UserError: It is not there.
    """
    if name is None:
        return torch.device(get_device())
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
        known = device.type != 'meta'  # which computes nothing
    except (RuntimeError, AssertionError, NotImplementedError, TypeError, ValueError):
        known = False
    if not known:
        there = ['cpu', *(f'cuda:{i}' for i in range(torch.cuda.device_count()))]
        there += ['mps'] if torch.backends.mps.is_available() else []
        raise UserError(f'there is no device {str(name)!r} here: choose one of {", ".join(there)}')
    return device
