"""The computation that an exported file holds: a trained network with all that standard operators can do around it."""

from torch import nn

from ...backbones import PyramidBackbone
from ...errors import UserError

__all__ = ['graph_of']


def graph_of(network: nn.Module) -> nn.Module:
    """The graph that is exported for a detector, a segmentor or a backbone.

    Args:
        network: A model of MMDetection or MMSegmentation, or a backbone, in evaluation mode.

    Returns:
        A module in evaluation mode, with `output_names`, that takes normalized float32 images (N, 3, H, W).

    Raises:
        UserError: The network is of a kind that cannot be exported.
    """
    if isinstance(network, PyramidBackbone):
        from .pyramid import PyramidGraph

        return PyramidGraph(network).eval()
    # By name, so that a detector is exported without MMSegmentation, and a segmentor without MMDetection.
    kinds = {kind.__name__ for kind in type(network).__mro__}
    if 'SingleStageDetector' in kinds:
        from .retinanet import SingleStageGraph

        return SingleStageGraph(network).eval()
    if 'TwoStageDetector' in kinds:
        from .mask_rcnn import TwoStageGraph

        return TwoStageGraph(network).eval()
    if 'EncoderDecoder' in kinds:
        from .segmentor import SegmentorGraph

        return SegmentorGraph(network).eval()
    raise UserError(
        f'cannot export {type(network).__name__}: RetinaNet, Faster, Mask and Cascade R-CNN, UperNet, Semantic FPN '
        'and our backbones can be exported'
    )
