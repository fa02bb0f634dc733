"""Parts of the backbones that have a life outside them."""
from .checkpoint import checkpoint
from .init import init_conv_fan_out
from .lka import LKA
from .local_attention import LocalAttention2d
from .local_attention_stem import SpatiallyAwareAttention

__all__ = ['LKA', 'LocalAttention2d', 'SpatiallyAwareAttention', 'checkpoint', 'init_conv_fan_out']
