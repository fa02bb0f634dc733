"""Checkpoints: the table of released ones, safe reading, and loading into our backbones.

- :data:`RELEASES`: every released checkpoint, a :class:`Release`, by short name.
- :func:`locate`: a path, URL or short name -> a file on this machine, downloaded to :func:`cache_dir` if necessary.
- :func:`load_from_file`: the contents of such a checkpoint; nothing in it is executed.
- :func:`find_state_dict`, :func:`read_state_dict`: the weights in it.
- :func:`trained_classes`, :func:`trained_category_ids`, :func:`trained_config`, :func:`read_trained_config`: the
  classes, their numbers in the data, and the config it was trained with.
- :func:`match_weights`: the weights of a whole detector or segmentor, matched with one: a :class:`WeightMatch`.
- :func:`load_pretrained`: its weights in a network, a :class:`PretrainedNetwork`, loaded strictly.
- :func:`replace_mmengine_loaders`: what ``import mmbackbones`` calls, to make all of MMEngine's loading safe.
"""

from .download import cache_dir
from .loading import PretrainedNetwork, load_pretrained
from .locate import locate
from .mmengine_loaders import load_from_file, replace_mmengine_loaders
from .release import Release
from .releases import RELEASES
from .state_dict import find_state_dict, read_state_dict
from .trained_config import read_trained_config, trained_category_ids, trained_classes, trained_config
from .whole_model import WeightMatch, match_weights

__all__ = [
    'RELEASES',
    'PretrainedNetwork',
    'Release',
    'WeightMatch',
    'cache_dir',
    'find_state_dict',
    'load_from_file',
    'load_pretrained',
    'locate',
    'match_weights',
    'read_state_dict',
    'read_trained_config',
    'replace_mmengine_loaders',
    'trained_category_ids',
    'trained_classes',
    'trained_config',
]
