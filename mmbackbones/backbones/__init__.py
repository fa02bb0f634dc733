"""The backbones, one file a family."""
from .base import PyramidBackbone
from .van import VAN

__all__ = ['VAN', 'PyramidBackbone']
