"""Operators that need nothing but PyTorch."""

from .activated_conv import silu_conv
from .contiguous_map import contiguous_map
from .depthwise import depthwise_conv2d
from .dilated_depthwise import dilated_depthwise_conv2d
from .fused_attention import fused_attention
from .grid_pooling import pool_to_grid
from .local_attention import local_attention
from .mmcv_ext import provide_mmcv_ext
from .pointwise import conv_pointwise, linear_pointwise
from .recording import checks, is_exporting, is_recording, prepare_compilation, warn_of_one_image
from .single_group_norm import single_group_norm
from .window_pooling import pool_windows

__all__ = [
    'checks',
    'contiguous_map',
    'conv_pointwise',
    'depthwise_conv2d',
    'dilated_depthwise_conv2d',
    'fused_attention',
    'is_exporting',
    'is_recording',
    'linear_pointwise',
    'local_attention',
    'pool_to_grid',
    'pool_windows',
    'prepare_compilation',
    'provide_mmcv_ext',
    'silu_conv',
    'single_group_norm',
    'warn_of_one_image',
]
