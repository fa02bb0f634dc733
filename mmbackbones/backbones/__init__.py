"""The backbones, one file a family."""
from .base import PyramidBackbone
from .dual_vit import DualViT
from .hat_net import HATNet
from .sasa_resnet import SASAResNet
from .transcnn import TransCNN
from .van import VAN

__all__ = ['VAN', 'DualViT', 'HATNet', 'PyramidBackbone', 'SASAResNet', 'TransCNN']
