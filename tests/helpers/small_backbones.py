"""Every registered backbone, in a size for tests. A backbone that is registered and not listed here fails a test."""

import torch
from mmengine.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmbackbones.backbones import PyramidBackbone

_ATTENTIONS = (
    dict(type='HierarchicalSelfAttention2d', grid_size=3, pool_ratio=4),
    dict(type='CascadedSelfAttention2d', grid_sizes=(2, 3)),
    dict(type='HierarchicalSelfAttention2d', grid_size=2, pool_ratio=2),
    dict(type='MultiHeadSelfAttention2d'),
)
_HIERARCHICAL = dict(
    embed_dims=(8, 8, 16, 16),
    depths=(1, 1, 2, 1),
    head_dim=4,
    expansions=(2, 2, 2, 2),
    kernel_sizes=(5, 3, 3, 3),
    attentions=_ATTENTIONS,
)

SMALL = {
    # A layer scale that lets the blocks be seen: at the default of 1e-6 they round away.
    'DualViT': dict(
        arch=dict(
            stem_width=4,
            embed_dims=(8, 16, 24, 32),
            depths=(1, 1, 2, 1),
            num_heads=(1, 2, 3, 4),
            mlp_ratios=(8, 8, 4, 3),
        ),
        layer_scale=0.5,
    ),
    'HATNet': dict(arch=_HIERARCHICAL),
    'SASAResNet': dict(depth=dict(embed_dims=(32, 32, 64, 64), depths=(1, 1, 2, 1)), heads=2, kernel_size=5),
    'TransCNN': dict(arch=_HIERARCHICAL),
    'VAN': dict(arch=dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 2, 1), mlp_ratios=(2, 2, 2, 2))),
}


def registered() -> list[str]:
    """The registry types of all backbones of this package."""
    return sorted(
        name for name, cls in MODELS.module_dict.items() if isinstance(cls, type) and issubclass(cls, PyramidBackbone)
    )


def build_small(name: str, **kwargs) -> PyramidBackbone:
    """Build a backbone in its size for tests, with any further arguments, in which every block has an effect."""
    model = MODELS.build({'type': name, **SMALL[name], **kwargs})
    for module in model.modules():
        if isinstance(module, _BatchNorm | nn.GroupNorm):
            nn.init.ones_(module.weight)  # some blocks start as the identity, which would hide what they do
    return model


def as_trained(model: nn.Module) -> nn.Module:
    """Give every norm, bias and layer scale values of its own, in place, so that a wrong use of them shows."""
    values = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    for name, value in values.items():
        if name.endswith('running_var'):
            value.data.uniform_(0.5, 2)
        elif value.dim() == 1:
            value.data.add_(0.2 * torch.randn_like(value))
    return model


def name_small_arch(monkeypatch, name: str) -> None:
    """Let the size for tests of a backbone be the `arch` of the name `small` for the rest of the test."""
    network = MODELS.get(name)
    if SMALL[name]['arch'] not in network.arch_zoo.values():
        monkeypatch.setattr(network, 'arch_zoo', {'tiny': network.arch_zoo['small'], 'small': SMALL[name]['arch']})
