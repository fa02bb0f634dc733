"""The computation that an exported file holds: a trained network with all that standard operators can do around it."""

from torch import nn

from ...errors import UserError

__all__ = ['graph_of']


def graph_of(network: nn.Module) -> nn.Module:
    """The graph that is exported for a detector, a segmentor or a backbone.

    Args:
        network: A model of MMDetection or MMSegmentation, or a backbone, in evaluation mode.

    Returns:
        A module with `output_names`, that takes normalized float32 images (N, 3, H, W).

    Raises:
        UserError: The network is of a kind that cannot be exported.
    """
    from mmdet.models.detectors import SingleStageDetector, TwoStageDetector

    from .mask_rcnn import TwoStageGraph
    from .retinanet import SingleStageGraph

    if isinstance(network, SingleStageDetector):
        return SingleStageGraph(network).eval()
    if isinstance(network, TwoStageDetector):
        return TwoStageGraph(network).eval()
    raise UserError(f'cannot export {type(network).__name__}: RetinaNet and Mask R-CNN can be exported')
