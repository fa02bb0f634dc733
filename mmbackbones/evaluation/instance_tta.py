"""Test-time augmentation of instance masks; that of MMDetection is for boxes only."""

import torch
from mmdet.models.test_time_augs import DetTTAModel
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_flip
from mmengine.registry import MODELS
from mmengine.structures import InstanceData
from torch import Tensor

_AS_PROBABILITIES = -1  # threshold with which the mask head of MMDetection gives probabilities, 0 to 255


@MODELS.register_module()
class InstanceTTAModel(DetTTAModel):
    """Combines the predictions of a two-stage detector for several scales and flips of an image.

    First the boxes of all views are merged by non-maximum suppression. Then every view predicts masks for the merged
    boxes, whose probabilities are averaged pixel by pixel. Arguments are those of
    :class:`mmdet.models.DetTTAModel`; its `module` is a two-stage detector with a mask head.
    """

    def test_step(self, data: dict) -> list[DetDataSample]:
        """Predict a batch.

        Args:
            data: ``inputs`` and ``data_samples``, each a list of views, which are lists of images.
        """
        images = range(len(data['inputs'][0]))
        return [
            self._test_image(
                [
                    {key: [view[i]] for key, view in zip(data, views, strict=True)}
                    for views in zip(*data.values(), strict=True)
                ]
            )
            for i in images
        ]

    def _test_image(self, views: list[dict]) -> DetDataSample:
        views = [self.module.data_preprocessor(view, False) for view in views]
        features = [self.module.extract_feat(view['inputs']) for view in views]
        samples = [view['data_samples'][0] for view in views]
        for x, sample in zip(features, samples, strict=True):
            proposals = self.module.rpn_head.predict(x, [sample], rescale=False)
            head = self.module.roi_head
            (sample.pred_instances,) = head.predict_bbox(x, [sample.metainfo], proposals, head.test_cfg, rescale=True)
        merged = self._merge_single_sample(samples)
        merged.pred_instances.masks = self._masks(features, samples, merged.pred_instances)
        return merged

    def _masks(self, features: list[tuple[Tensor, ...]], samples: list[DetDataSample], found: InstanceData) -> Tensor:
        """Masks of N boxes, bool ``(N, H, W)``, in pixels of the original image."""
        test_cfg = self.module.roi_head.test_cfg
        threshold, test_cfg.mask_thr_binary = test_cfg.mask_thr_binary, _AS_PROBABILITIES
        try:
            total = sum(
                self._probabilities(x, sample.metainfo, found) for x, sample in zip(features, samples, strict=True)
            )
        finally:
            test_cfg.mask_thr_binary = threshold
        return total >= threshold * 255 * len(samples)

    def _probabilities(self, features: tuple[Tensor, ...], view: dict, found: InstanceData) -> Tensor:
        """Mask probabilities of N boxes in one view, int ``(N, H, W)`` from 0 to 255, mapped to the original image."""
        boxes = found.bboxes
        if view['flip']:
            boxes = bbox_flip(boxes, view['ori_shape'], view['flip_direction'])
        boxes = boxes * boxes.new_tensor(view['scale_factor']).repeat(2)
        instances = InstanceData(bboxes=boxes, labels=found.labels, scores=found.scores)
        (found_here,) = self.module.roi_head.predict_mask(features, [view], [instances], rescale=True)
        masks = found_here.masks.to(torch.int32)
        return masks.flip(-1 if view['flip_direction'] == 'horizontal' else -2) if view['flip'] else masks
