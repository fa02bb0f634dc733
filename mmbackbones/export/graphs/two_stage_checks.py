"""Which two-stage detectors can be exported: those whose parts compute and select as MMDetection's own."""

from typing import Any

from mmdet.models.dense_heads import RPNHead
from mmdet.models.detectors import TwoStageDetector
from mmdet.models.roi_heads import CascadeRoIHead, StandardRoIHead
from mmdet.models.roi_heads.bbox_heads import BBoxHead
from mmdet.models.roi_heads.mask_heads import FCNMaskHead
from mmdet.models.roi_heads.roi_extractors import SingleRoIExtractor
from mmdet.models.task_modules import AnchorGenerator
from torch import nn

from ...errors import UserError
from .boxes import check_coder

_OWN = {  # methods whose values the graph reproduces
    RPNHead: ('forward', 'forward_single', 'predict', 'predict_by_feat', '_predict_by_feat_single'),
    AnchorGenerator: ('single_level_grid_priors',),
    BBoxHead: ('predict_by_feat', '_predict_by_feat_single', 'regress_by_class'),
    FCNMaskHead: ('predict_by_feat', '_predict_by_feat_single'),
    SingleRoIExtractor: ('map_roi_levels',),
}


def check_two_stage(network: TwoStageDetector) -> None:
    """Raise UserError unless :class:`TwoStageGraph` can compute what the detector's `predict` computes."""
    rpn, r_cnn = network.rpn_head, network.roi_head
    _check_own(rpn, RPNHead)
    _check_own(rpn.prior_generator, AnchorGenerator)
    check_coder(rpn.bbox_coder, type(rpn).__name__)
    if not rpn.use_sigmoid_cls:
        raise _refusal('an RPN with softmax scores', 'one with sigmoid scores')
    if type(r_cnn) not in (StandardRoIHead, CascadeRoIHead):
        raise _refusal(type(r_cnn).__name__, 'StandardRoIHead and CascadeRoIHead')
    if r_cnn.with_shared_head:
        raise _refusal('a shared R-CNN head', 'heads that pool from a pyramid')
    for head in _modules(r_cnn.bbox_head):
        _check_own(head, BBoxHead)
        check_coder(head.bbox_coder, type(head).__name__)
        if head.custom_cls_channels or not (head.with_cls and head.with_reg):
            raise _refusal(f'this {type(head).__name__}', 'one with plain class scores and boxes')
    extractors = _modules(r_cnn.bbox_roi_extractor)
    if r_cnn.with_mask:
        if r_cnn.test_cfg.mask_thr_binary < 0:
            raise _refusal('mask_thr_binary below 0', 'a threshold')
        extractors += _modules(r_cnn.mask_roi_extractor)
        for head in _modules(r_cnn.mask_head):
            _check_own(head, FCNMaskHead)
    for extractor in extractors:
        _check_own(extractor, SingleRoIExtractor)
        for layer in extractor.roi_layers:
            height, width = layer.output_size if type(layer).__name__ == 'RoIAlign' else (0, 1)
            if height != width or layer.pool_mode != 'avg' or not layer.aligned:
                raise _refusal(f'{layer}', 'aligned average RoIAlign of square size')


def _check_own(part: nn.Module, kind: type) -> None:
    if not isinstance(part, kind) or any(getattr(type(part), name) is not getattr(kind, name) for name in _OWN[kind]):
        raise _refusal(type(part).__name__, kind.__name__)


def _refusal(given: str, possible: str) -> UserError:
    return UserError(f'cannot export a two-stage detector with {given}: in its place, {possible} can be exported')


def _modules(one_or_several: nn.Module) -> list[Any]:
    return list(one_or_several) if isinstance(one_or_several, nn.ModuleList) else [one_or_several]
