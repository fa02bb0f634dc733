"""Reusable layers; those that other networks can take from a config are registered in MMEngine."""

from .activation_checkpoint import activation_checkpoint, run_blocks
from .attention import TokenAttention, multi_head_attention
from .attention_stem import SpatiallyAwareAttention
from .conv_norm import ConvNorm
from .conv_norm_act import conv_norm_act, silu_between
from .depthwise import DepthwiseConv2d
from .downsample import TwoBranchDownsampling
from .feed_forward import feed_forward
from .fusion import can_fold_into, fold_norm_after, fold_norm_before, fold_scale_after, norm_affine
from .hierarchical_attention import CascadedSelfAttention2d, HierarchicalSelfAttention2d, MultiHeadSelfAttention2d
from .inverted_residual import InvertedResidualBottleneck
from .large_kernel_attention import LargeKernelAttention
from .layer_scale import LayerScale, scaled_conv1x1, scaled_linear
from .local_attention import LocalAttention2d
from .single_group_norm import SingleGroupNorm
from .weight_init import init_conv_fan_out

__all__ = [
    'CascadedSelfAttention2d',
    'ConvNorm',
    'DepthwiseConv2d',
    'HierarchicalSelfAttention2d',
    'InvertedResidualBottleneck',
    'LargeKernelAttention',
    'LayerScale',
    'LocalAttention2d',
    'MultiHeadSelfAttention2d',
    'SingleGroupNorm',
    'SpatiallyAwareAttention',
    'TokenAttention',
    'TwoBranchDownsampling',
    'activation_checkpoint',
    'can_fold_into',
    'conv_norm_act',
    'feed_forward',
    'fold_norm_after',
    'fold_norm_before',
    'fold_scale_after',
    'init_conv_fan_out',
    'multi_head_attention',
    'norm_affine',
    'run_blocks',
    'scaled_conv1x1',
    'scaled_linear',
    'silu_between',
]
