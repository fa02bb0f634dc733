"""What the graphs of all detectors share: padding, decoding of boxes, and the entries of a `test_cfg`."""

import numpy as np
import torch
import torch.nn.functional as F
from mmdet.models.task_modules import DeltaXYWHBBoxCoder
from torch import Tensor

from ...errors import UserError

# Of these, `split_thr` only says how it is computed; any other entry, such as `max_num`, changes what is kept.
_NMS_ENTRIES = {'type', 'iou_threshold', 'class_agnostic', 'split_thr'}


def pad_to_divisor(image: Tensor, divisor: int, fill: float) -> Tensor:
    """An image batch padded at the bottom and the right to multiples of `divisor`, as the data preprocessor pads it.

    Shape:
        (N, C, H, W) -> (N, C, H', W').
    """
    if divisor == 1:
        return image
    height, width = image.shape[2:]
    rows, columns = ((length + divisor - 1) // divisor * divisor for length in (height, width))
    return F.pad(image, (0, columns - width, 0, rows - height), value=fill)


def decode(coder: DeltaXYWHBBoxCoder, anchors: Tensor, deltas: Tensor, size: torch.Size) -> Tensor:
    """Boxes that `deltas` say relative to `anchors`, clipped to an image of `size`, with the values of MMDetection.

    Args:
        coder: MMDetection's coder, which holds means, deviations and limits.
        anchors: Boxes, xyxy in pixels.
        deltas: Coded offsets of their centers and sizes.
        size: Height and width of the image before padding.

    Shape:
        anchors (..., 4), deltas (..., 4) -> (..., 4).
    """
    deltas = deltas * deltas.new_tensor(coder.stds) + deltas.new_tensor(coder.means)
    shift, growth = deltas[..., :2], deltas[..., 2:]
    center, extent = (anchors[..., :2] + anchors[..., 2:]) * 0.5, anchors[..., 2:] - anchors[..., :2]
    shift, limit = extent * shift, float(np.abs(np.log(16 / 1000)))
    if coder.add_ctr_clamp:
        shift, growth = shift.clamp(-coder.ctr_clamp, coder.ctr_clamp), growth.clamp(max=limit)
    else:
        growth = growth.clamp(-limit, limit)
    center, half = center + shift, extent * growth.exp() * 0.5
    boxes = torch.cat((center - half, center + half), -1)
    if not coder.clip_border:
        return boxes
    height, width = (torch.full((1,), length, dtype=boxes.dtype, device=boxes.device) for length in size)
    return torch.minimum(boxes.clamp(min=0), torch.cat((width, height, width, height)))


def anchors_at(base: Tensor, cell: Tensor, kind: Tensor, width: int, stride: tuple[int, int]) -> Tensor:
    """Some anchors of a level, as `AnchorGenerator` lays them out.

    Args:
        base: Its anchors at the origin, (A, 4).
        cell: Indices into the level's cells, row by row.
        kind: Indices into `base`.
        width: Number of cells in a row.
        stride: Distance of two cells along x and y, in pixels.

    Shape:
        cell (...), kind (...) -> (..., 4).
    """
    steps = torch.tensor(stride, dtype=base.dtype, device=base.device)
    row = cell // width
    corner = (
        torch.stack((cell - row * width, row), -1).to(base.dtype) * steps
    )  # the ONNX exporter knows no remainder by a size
    return base[kind] + torch.cat((corner, corner), -1)


def check_coder(coder: object, head: str) -> None:
    """Raise UserError unless boxes are coded as in RetinaNet and R-CNN."""
    if type(coder) is not DeltaXYWHBBoxCoder:
        raise UserError(
            f'cannot export {head} with {type(coder).__name__}: its boxes must be coded by DeltaXYWHBBoxCoder'
        )


def positive_entries(test_cfg: dict, *names: str) -> tuple[int, ...]:
    """Entries of a `test_cfg` that must be positive whole numbers, because they are sizes in the exported file."""
    for name in names:
        value = test_cfg.get(name)
        if not isinstance(value, int) or value < 1:
            raise UserError(
                f'cannot export a detector with {name}={value!r} in its test_cfg: this must be a positive whole '
                'number, because it is a size in the exported file'
            )
    return tuple(test_cfg[name] for name in names)


def suppression(test_cfg: dict) -> tuple[float, bool]:
    """The IoU threshold of the non-maximum suppression in a `test_cfg`, and whether it ignores classes."""
    nms = dict(test_cfg.get('nms') or {})
    kind = nms.get('type', 'nms')
    if kind != 'nms' or 'iou_threshold' not in nms or not _NMS_ENTRIES.issuperset(nms):
        raise UserError(
            f'cannot export a detector with nms={nms!r} in its test_cfg: only plain suppression can be exported, '
            "for example dict(type='nms', iou_threshold=0.5)"
        )
    return float(nms['iou_threshold']), bool(nms.get('class_agnostic', False))


def drops_empty_boxes(test_cfg: dict) -> bool:
    """Whether boxes without area are dropped, as by a `min_bbox_size` of 0; larger ones are of the original image."""
    smallest = test_cfg.get('min_bbox_size', -1)
    if smallest > 0:
        raise UserError(
            f'cannot export a detector with min_bbox_size={smallest} in its test_cfg: only 0 can be exported, which '
            'drops boxes without area'
        )
    return smallest == 0
