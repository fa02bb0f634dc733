"""Pooling of windows side by side, of which the last ones may be incomplete, in a form that can be exported."""

import torch
import torch.nn.functional as F
from torch import Tensor

from .recording import is_exporting


def pool_windows(x: Tensor, size: int, kind: str = 'average') -> Tensor:
    """Pool every window of `size` x `size` pixels; an incomplete one has the pixels that are on the map.

    OpenVINO refuses windows larger than the map, whatever lies beyond its edge. So in an export the map is padded to
    whole windows first.

    Args:
        x: The feature maps.
        size: Side of a window in pixels.
        kind: `average` or `max`.

    Shape:
        (N, C, H, W) -> (N, C, ceil(H / size), ceil(W / size)).
    """
    if kind == 'max':
        if not is_exporting():
            return F.max_pool2d(x, size, ceil_mode=True)
        return F.max_pool2d(_to_whole_windows(x, size, -torch.inf), size)
    if not is_exporting():
        return F.avg_pool2d(x, size, ceil_mode=True, count_include_pad=False)
    on_the_map = _to_whole_windows(torch.ones_like(x[:1, :1]), size, 0.0)
    return F.avg_pool2d(_to_whole_windows(x, size, 0.0), size) / F.avg_pool2d(on_the_map, size)


def _to_whole_windows(x: Tensor, size: int, fill: float) -> Tensor:
    height, width = x.shape[2:]
    rows, columns = ((length + size - 1) // size * size for length in (height, width))
    return F.pad(x, (0, columns - width, 0, rows - height), value=fill)
