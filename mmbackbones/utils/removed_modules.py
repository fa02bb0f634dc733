"""Stand-ins for what MMEngine 0.10 and mmcv 2.1 use and current setuptools and Pythons no longer have.

- MMEngine asks ``pkg_resources`` which distributions are installed, for every config that inherits from another
  package. Setuptools 82 took that module out.
- MMEngine and mmcv ask ``pkgutil.find_loader`` whether there is a module. Python 3.14 took that function out.
"""

import importlib.metadata
import importlib.util
import pkgutil
import sys
from collections.abc import Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from mmengine.utils import package_utils

__all__ = ['provide_removed_modules']

_NAME = 'pkg_resources'


class _Distribution:
    """What MMEngine asks of ``pkg_resources.Distribution``, answered by the standard library."""

    def __init__(self, name: str) -> None:
        self._found = importlib.metadata.distribution(name)

    @property
    def location(self) -> str:
        """The folder that the distribution's modules are in."""
        return str(self._found.locate_file(''))

    def has_metadata(self, name: str) -> bool:
        """Whether there is a metadata file of that name."""
        return self._found.read_text(name) is not None

    def get_metadata(self, name: str) -> str:
        """The content of a metadata file; empty if there is none."""
        return self._found.read_text(name) or ''


def _not_provided(name: str) -> NoReturn:
    raise AttributeError(
        f'{_NAME} is not installed, and the stand-in of mmbackbones has no {name!r}: run `pip install "setuptools<82"`'
    )


class _StandIn(MetaPathFinder, Loader):
    """Finds ``pkg_resources`` after all other finders, and makes it: MMEngine reloads the module at each question."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        return ModuleSpec(_NAME, self, origin='mmbackbones') if fullname == _NAME else None

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update(
            get_distribution=_Distribution,
            DistributionNotFound=importlib.metadata.PackageNotFoundError,
            __getattr__=_not_provided,
        )


def _find_loader(name: str) -> Any:
    """What ``pkgutil.find_loader`` returned: the module's loader; None if there is no such module."""
    spec = importlib.util.find_spec(name)
    return None if spec is None else spec.loader


def provide_removed_modules() -> None:
    """Put the stand-ins where the real ones are missing and the installed MMEngine uses them.

    To be called before a config is read; further calls have no effect.
    """
    if not hasattr(pkgutil, 'find_loader'):
        vars(pkgutil)['find_loader'] = _find_loader
    used = _NAME in package_utils.is_installed.__code__.co_names  # OneDL's MMEngine asks the standard library itself
    if used and importlib.util.find_spec(_NAME) is None:
        sys.meta_path.append(_StandIn())
