"""Parts of the backbones that have a life outside them."""
from .checkpoint import checkpoint
from .init import init_conv_fan_out
from .lka import LKA

__all__ = ['LKA', 'checkpoint', 'init_conv_fan_out']
