"""The last step of a two-stage detector with masks, which no exported file holds: masks as large as the image.

An exported file ends with probabilities on a grid inside each box. MMDetection enlarges these in PyTorch, with one grid
of samples per object, and compares them with a threshold. The same function is called here, in the same order, so equal
boxes and probabilities give the pixels of MMDetection's `predict`.
"""

from collections.abc import Sequence

import torch
from mmdet.models.roi_heads.mask_heads.fcn_mask_head import _do_paste_mask
from torch import Tensor


def paste_masks(masks: Tensor, boxes: Tensor, size: Sequence[int], threshold: float = 0.5) -> Tensor:
    """Masks in pixels of the original image, from probabilities inside boxes, as MMDetection's `predict` finds them.

    Args:
        masks: Output `masks` of an exported file, without unused places.
        boxes: Their boxes in pixels of the original image, so the output `boxes` divided by the image's `scale_factor`.
        size: Height and width of the original image.
        threshold: `mask_thr_binary` of the R-CNN's `test_cfg`: smallest probability of a pixel of the object.

    Returns:
        bool. One object after the other is pasted, since most are much smaller than the image.

    Shape:
        masks (n, h, w), boxes (n, 4), xyxy -> (n, H, W).
    """
    height, width = size[:2]
    pasted = torch.zeros((len(boxes), height, width), dtype=torch.bool)
    for i in range(len(boxes)):
        probability, (rows, columns) = _do_paste_mask(masks[i : i + 1, None], boxes[i : i + 1], height, width)
        pasted[i, rows, columns] = probability[0] >= threshold
    return pasted
