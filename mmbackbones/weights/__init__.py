"""Checkpoints: where the released ones are, reading them safely, and fitting them to our backbones."""
from .download import cache_folder
from .dual_vit import rename_dual_vit_key
from .hat_net import rename_hatnet_key
from .locate import locate
from .pretrained import find_state_dict, load_pretrained, read_state_dict, trained_classes
from .safe_load import load_from_file, register_loaders
from .transcnn import rename_transcnn_key
from .van import rename_van_key
from .zoo import RELEASES, Release

__all__ = ['RELEASES', 'Release', 'cache_folder', 'find_state_dict', 'load_from_file', 'load_pretrained', 'locate',
           'read_state_dict', 'register_loaders', 'rename_dual_vit_key', 'rename_hatnet_key', 'rename_transcnn_key',
           'rename_van_key', 'trained_classes']
