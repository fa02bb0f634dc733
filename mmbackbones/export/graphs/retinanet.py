"""A single-stage detector with anchors, from the image to its boxes."""

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.dense_heads import AnchorHead
from mmdet.models.dense_heads.base_dense_head import BaseDenseHead
from mmdet.models.detectors import SingleStageDetector
from mmdet.models.task_modules import AnchorGenerator
from torch import Tensor, nn

from ...errors import UserError
from ..operators import keep_best
from .boxes import check_coder, decode, drops_empty_boxes, pad_to_divisor, positive_entries, suppression


class SingleStageGraph(nn.Module):
    """Boxes, scores and labels of a detector such as RetinaNet, with the values of MMDetection's `predict`.

    Args:
        network: The detector, whose head has anchors and MMDetection's own post-processing.

    Shape:
        (N, 3, H, W), normalized, for any H, W >= 32 -> boxes (N, K, 4) in pixels of the input, scores (N, K), labels
        (N, K); unused places have score 0 and label -1.

    Raises:
        UserError: The head or its `test_cfg` is of another kind.
    """

    output_names = ('boxes', 'scores', 'labels')

    def __init__(self, network: SingleStageDetector) -> None:
        super().__init__()
        head = network.bbox_head
        _check(head)
        self.network = network
        self.divisor, self.fill = network.data_preprocessor.pad_size_divisor, network.data_preprocessor.pad_value
        self.candidates, self.max_per_img = positive_entries(head.test_cfg, 'nms_pre', 'max_per_img')
        self.iou_threshold, self.class_agnostic = suppression(head.test_cfg)
        self.score_thr = head.test_cfg.get('score_thr', 0)
        self.filters_size = drops_empty_boxes(head.test_cfg)
        for level, anchors in enumerate(head.prior_generator.base_anchors):
            self.register_buffer(f'anchors{level}', anchors.float(), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        head = self.network.bbox_head
        maps = head(self.network.extract_feat(pad_to_divisor(image, self.divisor, self.fill)))
        levels = [self._candidates(i, *level) for i, level in enumerate(zip(*maps, strict=True))]
        scores, labels, anchors, deltas = (torch.cat(parts, 1) for parts in zip(*levels, strict=True))
        boxes = decode(head.bbox_coder, anchors, deltas, image.shape[2:])
        if self.filters_size:
            scores = torch.where((boxes[..., 2:] > boxes[..., :2]).all(-1), scores, -1.0)
        groups = labels * 0 if self.class_agnostic else labels  # `zeros_like` would be recorded for two images
        kept, used = keep_best(boxes, scores, groups, self.iou_threshold, self.max_per_img)
        return (
            torch.where(used[..., None], boxes.gather(1, kept[..., None].expand(-1, -1, 4)), 0.0),
            torch.where(used, scores.gather(1, kept), 0.0),
            torch.where(used, labels.gather(1, kept), -1),
        )

    def _candidates(self, level: int, logits: Tensor, deltas: Tensor) -> tuple[Tensor, ...]:
        """The `nms_pre` best pairs of anchor and class of a level: scores, labels, anchors and deltas.

        They all belong to as many anchors, those that are best in any class, so that only these anchors are gathered.
        """
        head, k = self.network.bbox_head, self.candidates
        height, width = logits.shape[2:]
        by_class = logits.unflatten(1, (-1, head.cls_out_channels))  # (N, A, C, H, W)
        if not head.use_sigmoid_cls:
            by_class = by_class.softmax(2)[:, :, :-1]  # the last one is the background
        count, classes = by_class.shape[1:3]
        # In MMDetection's order, which decides between equal scores; and at least k.
        best = F.pad(by_class.amax(2).permute(0, 2, 3, 1).flatten(1), (0, k), value=-torch.inf)
        anchor = best.topk(k)[1]
        exists = anchor < height * width * count
        anchor = torch.where(exists, anchor, 0)
        cell, kind = _divide(anchor, count)
        area = height * width
        scores = _take(by_class, kind * classes, cell, classes, area)
        if head.use_sigmoid_cls:
            scores = scores.sigmoid()
        scores = torch.where(exists[..., None] & (scores > self.score_thr), scores, -1.0)
        scores, pair = scores.flatten(1).topk(k)
        place, label = _divide(pair, classes)
        row, column = _divide(cell, width)
        stride = torch.tensor(head.prior_generator.strides[level], dtype=torch.float32, device=logits.device)
        corner = torch.stack((column, row), -1).float() * stride
        anchors = getattr(self, f'anchors{level}')[kind] + torch.cat((corner, corner), -1)
        deltas = _take(deltas, kind * 4, cell, 4, area)
        place = place[..., None].expand(-1, -1, 4)
        return scores, label, anchors.gather(1, place), deltas.gather(1, place)


def _take(maps: Tensor, channel: Tensor, cell: Tensor, count: int, area: int) -> Tensor:
    """(N, K, count): the `count` channels from `channel` on, at `cell`, of (N, C, H, W) or (N, A, C, H, W) maps."""
    channels = channel[..., None] + torch.arange(count, device=maps.device)
    places = channels * area + cell[..., None]
    return maps.flatten(1).gather(1, places.flatten(1)).unflatten(1, (-1, count))


def _divide(x: Tensor, by: int) -> tuple[Tensor, Tensor]:
    """Quotient and remainder of whole numbers; the ONNX exporter knows no remainder by a size."""
    quotient = x // by
    return quotient, x - quotient * by


def _check(head: Any) -> None:
    own = ('predict', 'predict_by_feat', '_predict_by_feat_single', '_bbox_post_process')
    usual = isinstance(head, AnchorHead) and all(getattr(type(head), f) is getattr(BaseDenseHead, f) for f in own)
    grid = 'single_level_grid_priors'
    if usual:
        usual = getattr(type(head.prior_generator), grid) is getattr(AnchorGenerator, grid)
    if not usual or len(set(head.prior_generator.num_base_priors)) != 1 or _count_outputs(head) != 2:
        raise UserError(
            f'cannot export a detector with {type(head).__name__}: of the single-stage detectors, those with anchors '
            'and the post-processing of RetinaNet can be exported'
        )
    check_coder(head.bbox_coder, type(head).__name__)


@torch.no_grad()
def _count_outputs(head: AnchorHead) -> int:
    """How many maps a level has: two, or a third one that predicts how good a box is, as of ATSS and DDOD."""
    features = next(head.parameters()).new_zeros(1, head.in_channels, 8, 8)
    return len(head([features] * head.prior_generator.num_levels))
