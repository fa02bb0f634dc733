"""Every registered backbone, in a size for tests. A backbone that is registered and not listed here fails a test."""
from mmengine.registry import MODELS

from mmbackbones.backbones import PyramidBackbone

SMALL = {
    'SASAResNet': dict(depth=dict(embed_dims=(32, 32, 64, 64), depths=(1, 1, 2, 1)), heads=2, kernel_size=5),
    'VAN': dict(arch=dict(embed_dims=(8, 16, 24, 32), depths=(1, 1, 2, 1), mlp_ratios=(2, 2, 2, 2))),
}


def registered() -> list[str]:
    return sorted(name for name, cls in MODELS.module_dict.items()
                  if isinstance(cls, type) and issubclass(cls, PyramidBackbone))
