"""The form in which trained models predict: norms and layer scales are folded into the convolutions beside them.

``predict``, ``test`` and ``export`` all compute with it, so that their results are equal to the last digit.
"""

from collections import Counter
from copy import deepcopy
from weakref import WeakKeyDictionary

import torch
from mmcv.cnn import ConvModule
from torch import Tensor, nn

from ..backbones import PyramidBackbone
from ..layers import fold_norm_after

# Of each network, what its weights were when its inference form was made, and that form.
_FORMS: WeakKeyDictionary[nn.Module, tuple[tuple, nn.Module]] = WeakKeyDictionary()


def inference_form(network: nn.Module) -> nn.Module:
    """The inference form of a network, which stays as it is.

    It shares all weights that stay the same, and is made anew only after some have changed.

    Args:
        network: A detector, segmentor or backbone, in evaluation mode.

    Returns:
        A fused copy; the network itself if there is nothing to fold.
    """
    if not (_backbones(network) or _conv_modules(network)):
        return network
    weights = [*network.parameters(), *network.buffers()]
    now = tuple((id(w), w.data_ptr(), None if w.is_inference() else w._version) for w in weights)
    before, form = _FORMS.get(network, (None, network))
    if now != before:
        shared: dict[int, Tensor] = {id(p): nn.Parameter(p.detach(), requires_grad=False) for p in network.parameters()}
        shared |= {id(b): b for b in network.buffers()}
        form = deepcopy(network, shared)
        fuse_in_place(form)
        _FORMS[network] = now, form
    return form


@torch.no_grad()
def fuse_in_place(network: nn.Module) -> None:
    """Turn a network into its inference form, which is in evaluation mode: our backbones, and all ConvModules."""
    network.eval()  # norms that compute their own statistics are not folded
    for backbone in _backbones(network):
        backbone.fuse()
    for module in _conv_modules(network):
        module.add_module(module.norm_name, fold_norm_after(module.conv, module.norm))
        module.turn_on_efficient_conv_bn_eval(False)  # another form of the same, which looks for the norm


def _backbones(network: nn.Module) -> list[PyramidBackbone]:
    return [module for module in network.modules() if isinstance(module, PyramidBackbone) and not module.fused]


def _conv_modules(network: nn.Module) -> list[ConvModule]:
    """The ConvModules in which a norm of fixed values follows a convolution.

    Heads may share a convolution, or a norm, among several of them: those stay.
    """
    parents = Counter(child for module in network.modules() for child in module.children())
    return [
        module
        for module in network.modules()
        if isinstance(module, ConvModule)
        and type(module).forward is ConvModule.forward
        and module.with_norm
        and module.order.index('norm') == module.order.index('conv') + 1
        and isinstance(module.norm, nn.modules.batchnorm._BatchNorm)
        and parents[module.conv] == parents[module.norm] == 1
    ]
