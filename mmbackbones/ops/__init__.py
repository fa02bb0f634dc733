"""Operators that need nothing but PyTorch."""
from .dilated_depthwise import dilated_depthwise_conv2d
from .local_attention import local_attention
from .mmcv_ext import provide_mmcv_ext

__all__ = ['dilated_depthwise_conv2d', 'local_attention', 'provide_mmcv_ext']
