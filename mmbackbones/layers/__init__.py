"""Reusable layers; those that other networks can take from a config are registered in MMEngine."""

from .activation_checkpoint import activation_checkpoint, run_blocks
from .attention import TokenAttention, multi_head_attention
from .attention_stem import SpatiallyAwareAttention
from .downsample import TwoBranchDownsampling
from .feed_forward import feed_forward
from .hierarchical_attention import HMHSA, MHSA, CascadedHMHSA
from .inverted_residual import InvertedResidualBottleneck
from .lka import LKA
from .local_attention import LocalAttention2d
from .weight_init import init_conv_fan_out

__all__ = [
    'HMHSA',
    'LKA',
    'MHSA',
    'CascadedHMHSA',
    'InvertedResidualBottleneck',
    'LocalAttention2d',
    'SpatiallyAwareAttention',
    'TokenAttention',
    'TwoBranchDownsampling',
    'activation_checkpoint',
    'feed_forward',
    'init_conv_fan_out',
    'multi_head_attention',
    'run_blocks',
]
