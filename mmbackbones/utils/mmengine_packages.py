"""The names under which MMEngine looks for the packages that configs inherit from."""

from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec

from mmengine.config.utils import MODULE2PACKAGE


def accept_any_distribution() -> None:
    """Let configs inherit from `mmseg::`, whichever distribution brought it.

    MMEngine asks for the distribution mmsegmentation, also OneDL's MMEngine, whose own is called onedl-mmsegmentation.
    Where that is missing but the module is there, it is to ask for the module.
    """
    for module, distribution in MODULE2PACKAGE.items():
        if module == distribution or find_spec(module) is None:
            continue
        try:
            version(distribution)
        except PackageNotFoundError:
            MODULE2PACKAGE[module] = module
