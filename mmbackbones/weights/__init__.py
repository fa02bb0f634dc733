"""Checkpoints: where the released ones are, reading them safely, and fitting them to our backbones."""

from .download import cache_dir
from .keys.dualvit import rename_dualvit_key
from .keys.hatnet import rename_hatnet_key
from .keys.transcnn import rename_transcnn_key
from .keys.van import rename_van_key
from .loading import find_state_dict, load_pretrained, read_state_dict, trained_classes
from .locate import locate
from .releases import RELEASES, Release
from .safe_load import load_from_file, register_loaders

__all__ = [
    'RELEASES',
    'Release',
    'cache_dir',
    'find_state_dict',
    'load_from_file',
    'load_pretrained',
    'locate',
    'read_state_dict',
    'register_loaders',
    'rename_dualvit_key',
    'rename_hatnet_key',
    'rename_transcnn_key',
    'rename_van_key',
    'trained_classes',
]
