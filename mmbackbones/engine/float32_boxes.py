"""Boxes at full precision, whatever type the network computes in.

MMDetection casts anchors and regions to the type of the features. bfloat16 has 8 bits for a coordinate: beyond 512
pixels it moves by up to 2, beyond 1024 by up to 4. Nor do mmcv's compiled RoIAlign and NMS know that type.
"""

import torch
from mmdet.models import SingleRoIExtractor
from mmdet.models.task_modules import AnchorGenerator
from mmengine.registry import MODELS, TASK_UTILS
from torch import Tensor


@TASK_UTILS.register_module()
class Float32AnchorGenerator(AnchorGenerator):
    """MMDetection's anchors, in float32. Arguments and shapes are its own."""

    def grid_priors(
        self,
        featmap_sizes: list[tuple[int, int]],
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = 'cuda',
    ) -> list[Tensor]:
        """The anchors of each level, (H W anchors, 4), in float32 whatever `dtype` is asked for."""
        return super().grid_priors(featmap_sizes, torch.float32, device)


@MODELS.register_module()
class Float32RoIExtractor(SingleRoIExtractor):
    """MMDetection's features of regions, pooled in float32 from maps of any type and memory format.

    mmcv's compiled RoIAlign takes memory for N, C, H, W without a look at the strides, and a model that was put into
    channels-last as a whole has a pyramid in that format.

    Arguments and shapes are MMDetection's own. The result is of the maps' type.
    """

    def forward(self, feats: tuple[Tensor, ...], rois: Tensor, roi_scale_factor: float | None = None) -> Tensor:
        maps = tuple(feat.float().contiguous() for feat in feats)
        return super().forward(maps, rois.float(), roi_scale_factor).to(feats[0].dtype)
