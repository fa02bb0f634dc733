"""The table of exports with the writers of all modules in this folder."""

from importlib import import_module
from pkgutil import iter_modules

from tests.helpers import exports
from tests.helpers.exports.table import BOXES, LABEL_MAPS, Export

for _module in iter_modules(exports.__path__):
    import_module(f'{exports.__name__}.{_module.name}')

__all__ = ['BOXES', 'LABEL_MAPS', 'Export']
