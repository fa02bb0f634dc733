"""Where a network computes."""

import torch
from torch import nn


def device_of(network: nn.Module) -> torch.device:
    """The device that a network names itself, as exported files do, which have no weights; else that of its weights."""
    own = getattr(network, 'device', None)
    return own if isinstance(own, torch.device) else next(network.parameters()).device
