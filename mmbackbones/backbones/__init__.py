"""The backbones, one file a family."""
from .base import PyramidBackbone
from .sasa_resnet import SASAResNet
from .van import VAN

__all__ = ['VAN', 'PyramidBackbone', 'SASAResNet']
