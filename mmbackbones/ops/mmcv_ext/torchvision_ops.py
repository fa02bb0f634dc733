"""torchvision's compiled operators, where they work."""

from functools import cache
from importlib.util import find_spec
from types import ModuleType

import torch


@cache
def torchvision_ops(device_type: str) -> ModuleType | None:
    """`torchvision.ops` if its operators run on this type of device ('cpu', 'cuda', ...), else None."""
    try:
        return _try(device_type)
    except Exception:
        return None


def torchvision_fault(device_type: str) -> str | None:
    """The reason why torchvision's operators do not run on this type of device, a predicate; None if they do."""
    try:
        _try(device_type)
    except Exception as error:
        if find_spec('torchvision') is None:
            return 'is not installed'
        said = ' '.join(str(error).split())
        return f'does not work here ({type(error).__name__}{": " if said else ""}{said[:200]})'
    return None


def _try(device_type: str) -> ModuleType:
    """`torchvision.ops`, after each of the operators ran once.

    That torchvision is installed proves little: one built for another PyTorch fails on import with almost any
    exception, or imports but has no operators, or has them only for CPUs.
    """
    from torchvision import ops

    boxes = torch.tensor([[0.0, 0.0, 1.0, 1.0]], device=device_type)
    ops.nms(boxes, boxes[:, 0], 0.5)
    rois = torch.nn.functional.pad(boxes, (1, 0))
    ops.roi_align(boxes.view(1, 1, 2, 2), rois, (1, 1), 1.0, 0, True)
    torch.ops.torchvision._roi_align_backward(boxes.new_ones(1, 1, 1, 1), rois, 1.0, 1, 1, 1, 1, 2, 2, 0, True)
    return ops
