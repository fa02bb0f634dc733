"""Speed and memory, measured: one module per documented claim, each with a function ``run`` that prints its tables."""

from pkgutil import iter_modules

NAMES = tuple(sorted(module.name for module in iter_modules(__path__) if module.name != 'measure'))
OLD_NAMES = {'dual_vit': 'dualvit'}  # still accepted on the command line
