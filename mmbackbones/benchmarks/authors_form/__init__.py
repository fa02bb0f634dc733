"""The authors' form: the five networks as their papers and released code compute them, in plain PyTorch.

Each is written anew, without this package's layers and operators: maps in the contiguous NCHW format, tokens as (N, L,
C), attention as matrix products around a softmax, local attention with unfolded windows, every norm, activation, copy
and scale as a step of its own. Parameters have the names of our networks, so that a form takes the state dict of one;
values and gradients then agree to rounding. It is what our speed is measured against.
"""

from torch import nn

from ...backbones import PyramidBackbone
from .dualvit import DualViTForm
from .hierarchical import HierarchicalForm
from .sasa import SASAForm
from .van import VANForm

__all__ = ['FORMS', 'authors_form']

FORMS: dict[str, type[nn.Module]] = {
    'VAN': VANForm,
    'TransCNN': HierarchicalForm,
    'HATNet': HierarchicalForm,
    'DualViT': DualViTForm,
    'SASAResNet': SASAForm,
}


def authors_form(backbone: PyramidBackbone) -> nn.Module:
    """The authors' form of a backbone, with its weights.

    Args:
        backbone: A network of four stages, with the norms of its paper and without drop path.

    Returns:
        A module of the same state dict, in the same mode, that gives the same maps. Its input has a height and
        width that the authors' code takes: a multiple of 32, and for TransCNN and HAT-Net whole grid cells and windows.
    """
    form = FORMS[type(backbone).__name__](backbone)
    form.load_state_dict(backbone.state_dict())
    return form.train(backbone.training)
