"""Published vision backbones for MMDetection and MMSegmentation.

``import mmbackbones`` registers the backbones and their layers in MMEngine's root registry, and changes two things in
this process:

- Where mmcv's compiled operators are missing, stand-ins take their place.
- MMEngine's checkpoint loaders are replaced by ones that never run what is in a file, whoever calls them
  (:mod:`mmbackbones.weights.mmengine_loaders` says how to load trusted files of your own that they refuse).

Neither mmdet nor mmseg is imported.
"""

from .utils.torch_version import check_torch_version

check_torch_version()  # before anything uses what an older one lacks

from .ops import provide_mmcv_ext  # noqa: E402
from .utils.removed_modules import provide_removed_modules  # noqa: E402
from .weights import replace_mmengine_loaders  # noqa: E402

provide_removed_modules()
provide_mmcv_ext()  # before anything imports mmcv.ops
replace_mmengine_loaders()

from . import backbones, layers  # noqa: E402
from .utils.config_files import config_path, get_config  # noqa: E402

__version__ = '0.1.0'
__all__ = ['backbones', 'config_path', 'get_config', 'layers']
