"""Every registered backbone, in a size for tests. A backbone that is registered and not listed here fails a test."""

from mmengine.registry import MODELS

from mmbackbones.backbones import PyramidBackbone

_H_MHSA = (
    dict(type='HMHSA', grid_size=3, pool_ratio=4),
    dict(type='CascadedHMHSA', grid_sizes=(2, 3)),
    dict(type='HMHSA', grid_size=2, pool_ratio=2),
    dict(type='MHSA'),
)
_HAT = dict(
    embed_dims=(8, 8, 16, 16),
    depths=(1, 1, 2, 1),
    head_dim=4,
    expansions=(2, 2, 2, 2),
    kernel_sizes=(5, 3, 3, 3),
    attentions=_H_MHSA,
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
    'HATNet': dict(arch=_HAT),
    'SASAResNet': dict(depth=dict(embed_dims=(32, 32, 64, 64), depths=(1, 1, 2, 1)), heads=2, kernel_size=5),
    'TransCNN': dict(arch=_HAT),
    'VAN': dict(arch=dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 2, 1), mlp_ratios=(2, 2, 2, 2))),
}


def registered() -> list[str]:
    return sorted(
        name for name, cls in MODELS.module_dict.items() if isinstance(cls, type) and issubclass(cls, PyramidBackbone)
    )
