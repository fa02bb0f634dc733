"""Boxes in float32, whatever type the network computes in.

MMDetection casts anchors and regions to the type of the features. bfloat16 has 8 significant bits: a coordinate above
512 pixels moves by up to 2, above 1024 by up to 4. Nor do mmcv's compiled RoIAlign and NMS take that type.
"""

import torch
from mmdet.models import SingleRoIExtractor
from mmdet.models.task_modules import AnchorGenerator
from mmengine.config import Config
from mmengine.registry import MODELS, TASK_UTILS
from torch import Tensor

from .config_tree import dicts_in

_IN_FLOAT32 = {'AnchorGenerator': 'Float32AnchorGenerator', 'SingleRoIExtractor': 'Float32RoIExtractor'}


@TASK_UTILS.register_module()
class Float32AnchorGenerator(AnchorGenerator):
    """MMDetection's ``AnchorGenerator``, in float32, with the same arguments."""

    def grid_priors(
        self,
        featmap_sizes: list[tuple[int, int]],
        dtype: torch.dtype = torch.float32,
        device: str | torch.device = 'cuda',
    ) -> list[Tensor]:
        """The anchors of each level, in float32 whatever the `dtype`.

        Shape:
            - Output: one tensor (H * W * num_base_anchors, 4) per level, xyxy in pixels.
        """
        return super().grid_priors(featmap_sizes, torch.float32, device)


@MODELS.register_module()
class Float32RoIExtractor(SingleRoIExtractor):
    """MMDetection's ``SingleRoIExtractor``, which pools in float32 from maps of any type and memory format.

    mmcv's compiled RoIAlign reads memory as N, C, H, W whatever the strides are, and the pyramid of a model in
    channels-last format has other strides. Arguments and shapes are MMDetection's.
    """

    def forward(self, feats: tuple[Tensor, ...], rois: Tensor, roi_scale_factor: float | None = None) -> Tensor:
        """Features of `rois`, in the type of `feats`; see MMDetection."""
        maps = tuple(feat.float().contiguous() for feat in feats)
        return super().forward(maps, rois.float(), roi_scale_factor).to(feats[0].dtype)


def use_float32_boxes(cfg: Config) -> None:
    """Take these classes in place of MMDetection's own, in the model of a config; values in float32 stay the same."""
    for node in dicts_in(cfg.model):
        if (name := str(node.get('type')).removeprefix('mmdet.')) in _IN_FLOAT32:
            node['type'] = _IN_FLOAT32[name]
