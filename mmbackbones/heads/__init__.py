"""Classification heads: what turns a backbone into an image classifier."""

from .class_attention import ClassAttentionHead
from .pooling import PoolingHead

__all__ = ['ClassAttentionHead', 'PoolingHead']
