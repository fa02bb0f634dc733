"""Stand-ins for `mmcv._ext`, the compiled module of mmcv, where mmcv was installed without it.

`mmcv.ops` loads the compiled module by name and calls its functions, which write their results to tensors that the
caller allocates. The functions here have the same names, arguments and results (mmcv 2.1), and cover what RetinaNet,
Mask R-CNN, Cascade R-CNN, UperNet and Semantic FPN use. They run on any device and in any floating-point type; 16-bit
inputs are computed in float32.
"""

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any, NoReturn

from ...utils.stack import OPENMMLAB, find_stack, stack_problem
from . import boxes, focal_loss, info, nms, roi_align, soft_nms
from .import_order import complete_mmcv, libraries_without_operators

__all__ = ['provide_mmcv_ext']

_NAME = 'mmcv._ext'
_ORIGIN = 'mmbackbones'
_OPERATORS = (
    boxes.bbox_overlaps,
    focal_loss.sigmoid_focal_loss_backward,
    focal_loss.sigmoid_focal_loss_forward,
    focal_loss.softmax_focal_loss_backward,
    focal_loss.softmax_focal_loss_forward,
    info.get_compiler_version,
    info.get_compiling_cuda_version,
    nms.nms,
    nms.nms_match,
    roi_align.roi_align_backward,
    roi_align.roi_align_forward,
    soft_nms.softnms,
)


def _not_provided(name: str) -> Callable:
    """Module-level `__getattr__`: `mmcv.ops` checks on import that every operator exists, used or not."""
    if name.startswith('_'):
        raise AttributeError(f'module {_NAME!r} has no attribute {name!r}')

    def operator(*args: Any, **kwargs: Any) -> NoReturn:
        stack = find_stack() or OPENMMLAB
        raise NotImplementedError(
            f'{stack.distributions["mmcv"]} has no compiled operators and mmbackbones has no stand-in for {name!r}: '
            f'run {stack.compiled_mmcv} (needs a C++ compiler and about 10 minutes)'
        )

    return operator


class _StandInLoader(Loader):
    """A real loader, so that whoever asks importlib whether `mmcv._ext` exists is told that it does."""

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update({f.__name__: f for f in _OPERATORS}, __getattr__=_not_provided)


def provide_mmcv_ext() -> bool:
    """Put the stand-ins in place of `mmcv._ext`, unless mmcv has its compiled module.

    To be called before anything imports `mmcv.ops`; further calls have no effect. A compiled module that exists but
    fails to load is left to raise its own error.

    Returns:
        True if the stand-ins are in place, False if mmcv has its compiled module.

    Raises:
        ImportError: mmcv is not installed, or a library that was imported before has done without the operators.
    """
    problem = stack_problem(('mmcv',))
    if problem:
        raise ImportError(problem)
    found = importlib.util.find_spec(_NAME)
    if found is not None:
        return found.origin == _ORIGIN
    without = libraries_without_operators()
    if without:
        raise ImportError(
            f'{" and ".join(without)} had to do without the operators of mmcv, which mmbackbones provides: put '
            '`import mmbackbones` before all other libraries of OpenMMLab, and start Python anew'
        )
    loader = _StandInLoader()
    module = importlib.util.module_from_spec(ModuleSpec(_NAME, loader, origin=_ORIGIN))
    loader.exec_module(module)
    sys.modules[_NAME] = module
    vars(sys.modules['mmcv'])['_ext'] = module  # as importing a submodule does
    complete_mmcv()
    return True
