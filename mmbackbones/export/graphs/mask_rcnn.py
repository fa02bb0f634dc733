"""A two-stage detector, with or without masks, from the image to its objects."""

from typing import Any

import torch
import torch.nn.functional as F
from mmdet.models.detectors import TwoStageDetector
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from torch import Tensor, nn

from ..operators import keep_best
from ..roi_align import multilevel_roi_align
from .boxes import anchors_at, decode, pad_to_divisor, positive_entries, suppression
from .two_stage_checks import check_two_stage


class TwoStageGraph(nn.Module):
    """Boxes, scores, labels and masks of Mask R-CNN and its relatives, with the values of MMDetection's `predict`.

    Faster R-CNN has no masks; a Cascade R-CNN refines its regions in several stages.

    Args:
        network: The detector, with MMDetection's own RPN head, R-CNN heads and post-processing.

    Shape:
        (N, 3, H, W), normalized, for any H, W >= 32 -> boxes (N, K, 4) in pixels of the input, scores (N, K), labels
        (N, K), and masks (N, K, 28, 28), probabilities inside the boxes; unused places have score 0 and label -1.

    Raises:
        UserError: A head or its `test_cfg` is of another kind.
    """

    def __init__(self, network: TwoStageDetector) -> None:
        super().__init__()
        check_two_stage(network)
        self.network = network
        self.divisor, self.fill = network.data_preprocessor.pad_size_divisor, network.data_preprocessor.pad_value
        rpn, r_cnn = network.rpn_head, network.roi_head
        self.candidates, self.proposals = positive_entries(rpn.test_cfg, 'nms_pre', 'max_per_img')
        self.proposal_iou, self.levels_compete = suppression(rpn.test_cfg)
        self.min_size = rpn.test_cfg.get('min_bbox_size', -1)
        (self.max_per_img,) = positive_entries(r_cnn.test_cfg, 'max_per_img')
        self.iou_threshold, self.class_agnostic = suppression(r_cnn.test_cfg)
        self.score_thr = r_cnn.test_cfg.score_thr
        self.classes = int(_stages(r_cnn, 'bbox')[0][1].num_classes)
        self.with_mask = r_cnn.with_mask
        self.output_names = ('boxes', 'scores', 'labels', 'masks')[: 4 if self.with_mask else 3]
        for level, anchors in enumerate(rpn.prior_generator.base_anchors):
            self.register_buffer(f'anchors{level}', anchors.float(), persistent=False)

    def forward(self, image: Tensor) -> tuple[Tensor, ...]:
        size = image.shape[2:]
        maps = self.network.extract_feat(pad_to_divisor(image, self.divisor, self.fill))
        boxes, scores = self._classify(maps, *self._propose(maps, size), size)
        scores = scores.flatten(1)
        labels = torch.arange(self.classes, device=image.device).repeat(self.proposals).expand_as(scores)
        groups = torch.zeros_like(labels) if self.class_agnostic else labels
        boxes = boxes.flatten(1, 2)
        kept, used = keep_best(boxes, scores, groups, self.iou_threshold, self.max_per_img)
        boxes = torch.where(used[..., None], boxes.gather(1, kept[..., None].expand(-1, -1, 4)), 0.0)
        scores = torch.where(used, scores.gather(1, kept), 0.0)
        labels = torch.where(used, kept % self.classes, -1)
        if not self.with_mask:
            return boxes, scores, labels
        return boxes, scores, labels, self._segment(maps, boxes, labels, used)

    def _propose(self, maps: tuple[Tensor, ...], size: torch.Size) -> tuple[Tensor, Tensor]:
        """The regions of the RPN by falling score, (N, P, 4), and which of these places are used, (N, P)."""
        head, k = self.network.rpn_head, self.candidates
        scores, anchors, deltas, levels = [], [], [], []
        for level, (logits, delta) in enumerate(zip(*head(maps), strict=True)):
            count, width = logits.shape[1], logits.shape[3]
            # In MMDetection's order, which decides between equal scores; and at least k.
            score = F.pad(logits.sigmoid().permute(0, 2, 3, 1).flatten(1), (0, k), value=-1.0)
            score, anchor = score.topk(k)
            anchor = torch.where(score < 0, 0, anchor)
            base, stride = getattr(self, f'anchors{level}'), head.prior_generator.strides[level]
            delta = delta.permute(0, 2, 3, 1).flatten(1).unflatten(1, (-1, 4))
            scores.append(score)
            anchors.append(anchors_at(base, anchor // count, anchor % count, width, stride))
            deltas.append(delta.gather(1, anchor[..., None].expand(-1, -1, 4)))
            levels.append(torch.full_like(anchor, level))
        boxes = decode(head.bbox_coder, torch.cat(anchors, 1), torch.cat(deltas, 1), size)
        score, group = torch.cat(scores, 1), torch.cat(levels, 1)
        if self.min_size >= 0:
            score = torch.where((boxes[..., 2:] - boxes[..., :2] > self.min_size).all(-1), score, -1.0)
        group = torch.zeros_like(group) if self.levels_compete else group
        kept, used = keep_best(boxes, score, group, self.proposal_iou, self.proposals)
        return boxes.gather(1, kept[..., None].expand(-1, -1, 4)), used

    def _classify(
        self, maps: tuple[Tensor, ...], proposals: Tensor, proposed: Tensor, size: torch.Size
    ) -> tuple[Tensor, Tensor]:
        """Boxes of each class from each region, (N, P, C, 4), and their scores, (N, P, C); -1 where there is none."""
        row = _rows(proposed)
        image, region = row // proposals.shape[1], proposals.flatten(0, 1)[row]
        boxes = region[:, None]
        every_logits: list[Tensor] = []
        for extractor, head in _stages(self.network.roi_head, 'bbox'):
            if every_logits:  # each stage but the first refines the boxes of the best class
                best = every_logits[-1][:, :-1].argmax(1)
                region = boxes.gather(1, best[:, None, None].expand(-1, -1, 4))[:, 0]
            logits, deltas = head(_pool(extractor, maps, image, region))
            every_logits.append(logits)
            boxes = decode(head.bbox_coder, region[:, None], deltas.unflatten(1, (-1, 4)), size)
            boxes = boxes.expand(-1, self.classes, -1)
        scores = (sum(every_logits[1:], every_logits[0]) / len(every_logits)).softmax(1)[:, :-1]
        scores = torch.where(scores > self.score_thr, scores, -1.0)
        boxes, scores = (_padded(x, row, proposed) for x in (boxes, scores))
        return boxes, torch.where(proposed[..., None], scores, -1.0)

    def _segment(self, maps: tuple[Tensor, ...], boxes: Tensor, labels: Tensor, used: Tensor) -> Tensor:
        """Probabilities of the foreground inside each box, (N, K, 28, 28)."""
        row = _rows(used)
        image, box, label = row // boxes.shape[1], boxes.flatten(0, 1)[row], labels.flatten()[row].clamp(min=0)
        stages = _stages(self.network.roi_head, 'mask')
        masks = []
        for extractor, head in stages:
            logits = head(_pool(extractor, maps, image, box))
            channel = torch.zeros_like(label) if head.class_agnostic else label
            channel = channel[:, None, None, None].expand(-1, -1, *logits.shape[2:])
            masks.append(logits.gather(1, channel)[:, 0].sigmoid())
        padded = _padded(torch.stack(masks).mean(0), row, used)
        return torch.where(used[..., None, None], padded, 0.0)


def _rows(used: Tensor) -> Tensor:
    """Positions of the used places of all images, and of the first place, so that runtimes never see an empty batch.

    Only these go through the heads, where nearly all the time is spent.
    """
    used = used.flatten()
    row = (used | (torch.arange(used.shape[0], device=used.device) == 0)).nonzero()[:, 0]
    if not torch.jit.is_tracing():
        torch._check(row.shape[0] >= 1)  # what `torch.export` has to know
    return row


def _padded(values: Tensor, row: Tensor, used: Tensor) -> Tensor:
    """(N, P, ...): `values` at the rows of :func:`_rows`, and 0 in all other places."""
    padded = values.new_zeros((used.numel(), *values.shape[1:]))
    return padded.index_copy(0, row, values).unflatten(0, used.shape)


def _stages(roi_head: nn.Module, kind: str) -> list[tuple[Any, Any]]:
    """The extractor and the head of each stage, for kind 'bbox' or 'mask'."""
    extractor, head = getattr(roi_head, f'{kind}_roi_extractor'), getattr(roi_head, f'{kind}_head')
    return list(zip(extractor, head, strict=True)) if isinstance(head, nn.ModuleList) else [(extractor, head)]


def _pool(extractor: SingleRoIExtractor, maps: tuple[Tensor, ...], image: Tensor, boxes: Tensor) -> Tensor:
    """Features of regions, as MMDetection's extractor finds them; image (R), boxes (R, 4) -> (R, C, s, s)."""
    maps = maps[: extractor.num_inputs]
    regions = torch.cat((image[:, None].to(boxes.dtype), boxes), 1)
    layers = extractor.roi_layers
    return multilevel_roi_align(
        list(maps),
        boxes,
        image,
        extractor.map_roi_levels(regions, len(maps)),
        [layer.spatial_scale for layer in layers],
        layers[0].output_size[0],
        layers[0].sampling_ratio,
    )
