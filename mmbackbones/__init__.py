"""Published vision backbones for MMDetection and MMSegmentation.

Importing the package registers the backbones and their layers in MMEngine's root registry and makes two small
adaptations: stand-ins for mmcv's compiled operators where those are missing, and a checkpoint loader that never runs
what is in a file. Neither mmdet nor mmseg is imported.
"""

from .ops import provide_mmcv_ext
from .weights import register_loaders

provide_mmcv_ext()  # before anything imports mmcv.ops
register_loaders()

from . import backbones, layers  # noqa: E402
from .utils.config_files import config_path, get_config  # noqa: E402

__version__ = '0.1.0'
__all__ = ['backbones', 'config_path', 'get_config', 'layers']
