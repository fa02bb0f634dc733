"""torchvision's compiled operators, where they work."""
from functools import cache
from types import ModuleType

import torch


@cache
def torchvision_ops(device_type: str) -> ModuleType | None:
    """`torchvision.ops` if its operators run on this kind of device ('cpu', 'cuda', ...), else None.

    An installed torchvision proves little: one built for another PyTorch fails on import with almost any exception, or
    imports and has no operators, or has them for the CPU only. So each is called once.
    """
    try:
        from torchvision import ops
        boxes = torch.tensor([[0., 0., 1., 1.]], device=device_type)
        ops.nms(boxes, boxes[:, 0], 0.5)
        rois = torch.nn.functional.pad(boxes, (1, 0))
        ops.roi_align(boxes.view(1, 1, 2, 2), rois, (1, 1), 1., 0, True)
        torch.ops.torchvision._roi_align_backward(boxes.new_ones(1, 1, 1, 1), rois, 1., 1, 1, 1, 1, 2, 2, 0, True)
    except Exception:
        return None
    return ops
