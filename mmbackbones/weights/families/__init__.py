"""One module per family: its released checkpoints, and the mapping from the authors' keys to ours.

Every module in this folder is read; a new family is a new file. It defines ``RELEASES``, and ``LAYOUTS`` if there are
files of the family in other layouts than its authors': a pattern that matches only keys of that layout -> its name.
"""

from importlib import import_module
from pkgutil import iter_modules
from types import ModuleType

_NAMES = [module.name for module in iter_modules(__path__)]
FAMILIES: tuple[ModuleType, ...] = tuple(import_module(f'{__name__}.{name}') for name in _NAMES)
