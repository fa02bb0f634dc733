"""Losses of several processes that are divided by one number, as those of a single process with the whole batch are."""

from types import MethodType
from typing import Any

import torch
from mmdet.models import AnchorHead, RPNHead
from mmengine.dist import all_reduce, is_distributed
from torch import nn


def share_normalizers(model: nn.Module) -> None:
    """Divide the losses of anchor heads by the mean number of anchors that count in a process.

    MMDetection divides by the number in the process's own images, and the gradients of all processes are averaged then;
    so an anchor counts the more, the fewer there are in its process. Divided by the mean, all count the same, as in one
    process with the whole batch. Heads of MMDetection that compute their losses themselves do this on their own, or
    draw at random which regions count, a fixed number for each image.

    Args:
        model: A model before training; its heads are changed in place, if there are several processes.
    """
    if not is_distributed():
        return
    for head in model.modules():
        if isinstance(head, AnchorHead) and _reads_number_once(type(head)):
            head.get_targets = MethodType(_get_targets, head)


def _reads_number_once(kind: type[AnchorHead]) -> bool:
    """Whether a class calls ``get_targets`` once, in every process, whatever its images hold, and for nothing else."""
    computes = kind.loss_by_feat in (AnchorHead.loss_by_feat, RPNHead.loss_by_feat)
    return computes and kind.get_targets is AnchorHead.get_targets


def _get_targets(head: AnchorHead, *args: Any, **kwargs: Any) -> tuple:
    """``AnchorHead.get_targets``, with the mean of all processes in place of their own numbers."""
    labels, label_weights, bbox_targets, bbox_weights, number, *others = AnchorHead.get_targets(head, *args, **kwargs)
    mean = torch.tensor(float(number), device=bbox_targets[0].device)  # stays there: nothing waits for the GPU
    all_reduce(mean, 'mean')
    return labels, label_weights, bbox_targets, bbox_weights, mean, *others
