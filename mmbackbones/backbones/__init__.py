"""The backbones, one file per family."""

from .base import PyramidBackbone
from .dualvit import DualViT
from .hatnet import HATNet
from .sasa import SASAResNet
from .transcnn import TransCNN
from .van import VAN

__all__ = ['VAN', 'DualViT', 'HATNet', 'PyramidBackbone', 'SASAResNet', 'TransCNN']
