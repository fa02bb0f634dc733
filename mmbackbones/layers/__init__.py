"""Parts of the backbones that have a life outside them."""

from .activation_checkpoint import activation_checkpoint
from .attention import multi_head_attention
from .attention_stem import SpatiallyAwareAttention
from .downsample import TwoBranchDownsampling
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
    'TwoBranchDownsampling',
    'activation_checkpoint',
    'init_conv_fan_out',
    'multi_head_attention',
]
