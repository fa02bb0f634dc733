"""Where the files are that configs inherit from, such as ``mmseg::_base_/datasets/ade20k.py``."""

import os
from importlib.util import find_spec

from mmengine.config import Config
from mmengine.config.utils import MODULE2PACKAGE
from mmengine.utils import check_file_exist

_find_as_mmengine = Config._get_cfg_path


def find_inherited_configs() -> None:
    """Have MMEngine look for a library's configs beside the module, in the whole process.

    Its own way ends at the same file, but first it reads the metadata of all of the library's models, and that of all
    installed packages anew: up to a second for each file, at each start. And it asks for mmsegmentation by the name of
    that distribution, so that it does not find the module of onedl-mmsegmentation.
    """
    Config._get_cfg_path = staticmethod(_find)


def _find(path: str, heir: str) -> tuple[str, str | None]:
    """The file that a config inherits from.

    Args:
        path: What the config names.
        heir: File of the config.

    Returns:
        The file, and the scope of its types; None: that of the config.

    Raises:
        FileNotFoundError: There is no such file.
        ModuleNotFoundError: The library is not installed.
    """
    module, separator, name = path.partition('::')
    spec = find_spec(module) if separator and module in MODULE2PACKAGE else None
    if spec is None or spec.origin is None:
        found: tuple[str, str | None] = _find_as_mmengine(path, heir)
        return found
    file = os.path.join(os.path.dirname(spec.origin), '.mim', 'configs', name)
    check_file_exist(file)
    return file, module
