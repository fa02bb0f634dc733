"""How well the anchors of a detector fit the boxes of a data set."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from mmengine.config import Config
from mmengine.registry import TASK_UTILS, DefaultScope

from .config_tree import dicts_in
from .img_scale import as_sizes
from .option_errors import building

_USUAL_THRESHOLD = 0.5  # where the config's assigner has none of its own
_USUAL_DIVISOR = 32


@dataclass(frozen=True)
class AnchorFit:
    """How well anchors fit boxes.

    Attributes:
        iou: Intersection over union of each box with its best anchor, after the config's resizing, of shape ``(N,)``.
        threshold: IoU from which an anchor is trained on as a positive example of the box.
        least: IoU from which the best anchor of a box is one all the same; None: however low it is.
        sides: The shortest and the longest anchor as the root of its area, in pixels of the resized image.
        scale: Width and height that images are resized to fit into; None: as they are.
    """

    iou: npt.NDArray[np.float64]
    threshold: float
    least: float | None
    sides: tuple[float, float]
    scale: tuple[float, float] | None


def fit_anchors(cfg: Config, boxes: npt.NDArray[np.float64], sizes: npt.NDArray[np.int64]) -> AnchorFit | None:
    """Compare boxes with the anchors of a config.

    Of anchors of one shape, the best for a box is the one whose center is nearest to the box's, because both the width
    and the height of what they share shrink with the distance. So each box is compared with one anchor of each shape.

    Args:
        cfg: Config of a detector.
        boxes: Left, top, right and bottom in pixels of the original images, of shape ``(N, 4)``.
        sizes: Width and height of the image of each box in pixels, of shape ``(N, 2)``.

    Returns:
        The fit; None for a model without anchors.

    Raises:
        UserError: The anchors of the config cannot be built.
    """
    head = next((node for node in dicts_in(cfg.model) if 'anchor_generator' in node), None)
    if head is None:
        return None
    with building('model anchor_generator', {}), DefaultScope.overwrite_default_scope(cfg.default_scope):
        generator = TASK_UTILS.build(head['anchor_generator'])
        levels = [level.double().numpy() for level in generator.base_anchors]
        strides = [np.array(stride, np.float64) for stride in generator.strides]
    scale = _scale(cfg)
    resized = _resize(cfg, scale, sizes)
    factors = resized / sizes
    scaled = boxes * np.concatenate([factors, factors], axis=1)
    divisor = cfg.model.get('data_preprocessor', {}).get('pad_size_divisor', _USUAL_DIVISOR)
    padded = np.ceil(resized / divisor) * divisor
    best = np.zeros(len(boxes))
    for level, stride in zip(levels, strides, strict=True):
        cells = np.ceil(padded / stride)
        for anchor in level:
            np.maximum(best, _iou_of_nearest(scaled, anchor, stride, cells), out=best)
    assigner = _assigner(cfg)
    threshold = assigner.get('pos_iou_thr') or _USUAL_THRESHOLD
    roots = [float(np.sqrt((level[:, 2:] - level[:, :2]).prod(axis=1)).min()) for level in levels]
    largest = max(float(np.sqrt((level[:, 2:] - level[:, :2]).prod(axis=1)).max()) for level in levels)
    least = assigner.get('min_pos_iou')
    return AnchorFit(best, float(threshold), None if not least else float(least), (min(roots), largest), scale)


def _iou_of_nearest(
    boxes: npt.NDArray[np.float64],
    anchor: npt.NDArray[np.float64],
    stride: npt.NDArray[np.float64],
    cells: npt.NDArray[np.float64],
) -> npt.NDArray[np.float64]:
    """IoU of each box with the nearest of the anchors of one shape, which lie in a grid of `cells`."""
    center, side = (anchor[:2] + anchor[2:]) / 2, anchor[2:] - anchor[:2]
    place = np.clip(np.rint(((boxes[:, :2] + boxes[:, 2:]) / 2 - center) / stride), 0, cells - 1) * stride + center
    least, most = np.maximum(boxes[:, :2], place - side / 2), np.minimum(boxes[:, 2:], place + side / 2)
    shared = np.clip(most - least, 0, None).prod(axis=1)
    union = (boxes[:, 2:] - boxes[:, :2]).prod(axis=1) + side.prod() - shared
    return np.asarray(shared / union)


def _assigner(cfg: Config) -> dict[str, Any]:
    """What decides which anchors are trained on as which box."""
    train_cfg = cfg.model.get('train_cfg') or {}
    return (train_cfg.get('rpn') or train_cfg).get('assigner') or {}


def _resize_step(cfg: Config) -> dict[str, Any]:
    """The resizing of the test pipeline, around which that of training varies."""
    steps = dicts_in(cfg.test_dataloader.dataset.get('pipeline') or [])
    return next((step for step in steps if str(step.get('type')).endswith('Resize') and step.get('scale')), {})


def _scale(cfg: Config) -> tuple[float, float] | None:
    step = _resize_step(cfg)
    return as_sizes(step['scale'])[0] if step else None


def _resize(cfg: Config, scale: tuple[float, float] | None, sizes: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Sizes of images after the resizing, as MMCV computes them."""
    if scale is None:
        return sizes.astype(np.float64)
    if not _resize_step(cfg).get('keep_ratio'):
        return np.broadcast_to(np.array(scale, np.float64), sizes.shape)
    factor = np.minimum(max(scale) / sizes.max(axis=1), min(scale) / sizes.min(axis=1))
    return np.floor(sizes * factor[:, None] + 0.5)
