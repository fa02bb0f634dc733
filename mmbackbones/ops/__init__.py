"""Operators that need nothing but PyTorch."""
from .dilated_depthwise import dilated_depthwise_conv2d
from .mmcv_ext import provide_mmcv_ext

__all__ = ['dilated_depthwise_conv2d', 'provide_mmcv_ext']
