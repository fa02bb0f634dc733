"""Speed and memory, measured: one module per documented claim, each with a function ``run`` that prints its tables.

:mod:`.overview` is the table of everything.
"""

from pkgutil import iter_modules

OVERVIEW, BASELINES = 'overview', ('authors-form',)
_PARTS = ('authors_form', 'machine', 'measure', 'page', 'table', 'timing', 'turns')  # which the benchmarks are made of
NAMES = tuple(sorted(module.name for module in iter_modules(__path__) if module.name not in (OVERVIEW, *_PARTS)))
OLD_NAMES = {'dual_vit': 'dualvit'}  # still accepted on the command line
