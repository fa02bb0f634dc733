"""Stand-ins for `mmcv._ext`, mmcv's compiled module, where only mmcv-lite is installed.

`mmcv.ops` loads the compiled module by name and then calls its functions, results going into tensors that the caller
allocates. The functions here have the same names, arguments and results (mmcv 2.1), and cover what RetinaNet,
Mask R-CNN, Cascade R-CNN, UperNet and Semantic FPN use. They run on any device and in any floating-point type;
16-bit inputs are computed in float32.
"""

import importlib.util
import sys
from collections.abc import Callable
from importlib.abc import Loader
from types import ModuleType

from . import boxes, focal_loss, info, nms, roi_align, soft_nms

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

    def operator(*args, **kwargs):
        raise NotImplementedError(
            f'mmcv-lite has no compiled operators and mmbackbones has no stand-in for {name!r}: run `pip uninstall '
            'mmcv-lite`, then `pip install --no-build-isolation "mmcv>=2.1,<2.2"` (needs a C++ compiler, takes about '
            '10 minutes).'
        )

    return operator


class _StandInLoader(Loader):
    """A true loader, so that everything that asks importlib whether `mmcv._ext` exists gets the answer yes."""

    def exec_module(self, module: ModuleType) -> None:
        vars(module).update({f.__name__: f for f in _OPERATORS}, __getattr__=_not_provided)


def provide_mmcv_ext() -> bool:
    """Put the stand-ins in the place of `mmcv._ext`, unless mmcv is a compiled one.

    Call it before anything imports `mmcv.ops`; calling it again changes nothing. A compiled module that is there but
    fails to load is left to raise its own error.

    Returns:
        True where the stand-ins are in place, False where mmcv has its compiled module.

    Raises:
        ImportError: mmcv is not installed at all.
    """
    if importlib.util.find_spec('mmcv') is None:
        raise ImportError('mmbackbones needs mmcv: run `pip install mmcv-lite==2.1.0` (no compiler needed).')
    found = importlib.util.find_spec(_NAME)
    if found is not None:
        return found.origin == _ORIGIN
    spec = importlib.util.spec_from_loader(_NAME, _StandInLoader(), origin=_ORIGIN)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    sys.modules[_NAME] = module
    sys.modules['mmcv']._ext = module  # as importing a submodule does
    return True
