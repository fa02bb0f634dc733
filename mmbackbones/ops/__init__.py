"""Operators that need nothing but PyTorch."""
from .mmcv_ext import provide_mmcv_ext

__all__ = ['provide_mmcv_ext']
