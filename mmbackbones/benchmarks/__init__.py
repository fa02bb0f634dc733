"""Speed and memory, measured: one module per documented claim, each with a function ``run`` that prints its tables."""

from pkgutil import iter_modules

_PARTS = ('authors_form', 'measure')  # which the benchmarks are made of
NAMES = tuple(sorted(module.name for module in iter_modules(__path__) if module.name not in _PARTS))
OLD_NAMES = {'dual_vit': 'dualvit'}  # still accepted on the command line
