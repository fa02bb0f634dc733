"""Published vision backbones for MMDetection and MMSegmentation.

    import mmbackbones as mmb
    run = mmb.train('retinanet_van_t', data='path/to/folder', epochs=12)
    mmb.test(run.best_checkpoint, data='path/to/folder')

``import mmbackbones`` registers the backbones and their layers in MMEngine's root registry, and changes two things in
this process:

- Where mmcv's compiled operators are missing, stand-ins take their place.
- MMEngine's checkpoint loaders are replaced by ones that never run what is in a file, whoever calls them
  (:mod:`mmbackbones.weights.mmengine_loaders` says how to load trusted files of your own that they refuse).

Neither mmdet nor mmseg is imported before a function needs it.
"""

import sys
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING, Any

from .utils.command import is_command
from .utils.stack import stack_problem

if TYPE_CHECKING:
    from . import backbones, layers
    from .apis import (
        AttentionResult,
        BrowseResult,
        CheckpointInfo,
        DataReport,
        ExportResult,
        PredictResult,
        ReportResult,
        TrainResult,
        app,
        attend,
        attention,
        browse,
        check_data,
        create_backbone,
        export,
        identify,
        list_backbones,
        list_checkpoints,
        load,
        predict,
        report,
        test,
        train,
    )
    from .utils.config_files import config_path
    from .utils.config_files import read_config as get_config

__version__ = '0.1.0'

_PUBLIC = {  # name -> module, and the name there
    'AttentionResult': ('apis', 'AttentionResult'),
    'BrowseResult': ('apis', 'BrowseResult'),
    'CheckpointInfo': ('apis', 'CheckpointInfo'),
    'DataReport': ('apis', 'DataReport'),
    'ExportResult': ('apis', 'ExportResult'),
    'PredictResult': ('apis', 'PredictResult'),
    'ReportResult': ('apis', 'ReportResult'),
    'TrainResult': ('apis', 'TrainResult'),
    'app': ('apis', 'app'),
    'attend': ('apis', 'attend'),
    'attention': ('apis', 'attention'),
    'browse': ('apis', 'browse'),
    'check_data': ('apis', 'check_data'),
    'config_path': ('utils.config_files', 'config_path'),
    'create_backbone': ('apis', 'create_backbone'),
    'export': ('apis', 'export'),
    'get_config': ('utils.config_files', 'read_config'),
    'identify': ('apis', 'identify'),
    'list_backbones': ('apis', 'list_backbones'),
    'list_checkpoints': ('apis', 'list_checkpoints'),
    'load': ('apis', 'load'),
    'predict': ('apis', 'predict'),
    'report': ('apis', 'report'),
    'test': ('apis', 'test'),
    'train': ('apis', 'train'),
}
__all__ = [
    'AttentionResult',
    'BrowseResult',
    'CheckpointInfo',
    'DataReport',
    'ExportResult',
    'PredictResult',
    'ReportResult',
    'TrainResult',
    'app',
    'attend',
    'attention',
    'backbones',
    'browse',
    'check_data',
    'config_path',
    'create_backbone',
    'export',
    'get_config',
    'identify',
    'layers',
    'list_backbones',
    'list_checkpoints',
    'load',
    'predict',
    'register',
    'report',
    'test',
    'train',
]


def register() -> None:
    """Register the backbones, and make the two changes to this process; further calls have no effect.

    ``import mmbackbones`` calls it. Only the command ``mmbackbones`` does so itself, so that it can say in one sentence
    what is missing.

    Raises:
        ImportError: No OpenMMLab stack is installed, or not exactly one; the message says how to mend it.
    """
    if problem := stack_problem():
        raise ImportError(problem)
    from .utils.torch_version import check_torch_version

    check_torch_version()  # before anything uses what an older one lacks
    from .ops import provide_mmcv_ext
    from .utils.inherited_configs import find_inherited_configs
    from .utils.removed_modules import provide_removed_modules
    from .weights import replace_mmengine_loaders

    provide_removed_modules()
    find_inherited_configs()
    provide_mmcv_ext()  # before anything imports mmcv.ops
    replace_mmengine_loaders()
    from . import backbones, layers  # noqa: F401


def __getattr__(name: str) -> Any:
    if name not in _PUBLIC:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    module, attribute = _PUBLIC[name]
    return getattr(import_module(f'.{module}', __name__), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


class _Package(ModuleType):
    """This package, in which a name that a folder shares with a function is always the function."""

    def __setattr__(self, name: str, value: Any) -> None:
        if not (name in _PUBLIC and isinstance(value, ModuleType)):  # an import binds a submodule
            super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package


if not is_command():
    register()
