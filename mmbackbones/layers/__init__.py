"""Parts of the backbones that have a life outside them."""
from .attention import multi_head_attention
from .checkpoint import checkpoint
from .downsample import TwoBranchDownsampling
from .hierarchical_attention import HMHSA, MHSA, CascadedHMHSA
from .init import init_conv_fan_out
from .inverted_residual import InvertedResidualBottleneck
from .lka import LKA
from .local_attention import LocalAttention2d
from .local_attention_stem import SpatiallyAwareAttention
from .single_group_norm import SingleGroupNorm

__all__ = ['HMHSA', 'LKA', 'MHSA', 'CascadedHMHSA', 'InvertedResidualBottleneck', 'LocalAttention2d',
           'SingleGroupNorm', 'SpatiallyAwareAttention', 'TwoBranchDownsampling', 'checkpoint',
           'init_conv_fan_out', 'multi_head_attention']
