"""HAT-Net: the released checkpoints, and the mapping of their keys to ours."""

from ..release import Release
from .transcnn import rename_transcnn_key


def _release(word: str, top1: float) -> Release:
    file = f'HAT-Net_{word}.pth'
    return Release(
        f'hatnet-{word[0].lower()}',
        'HATNet',
        word.lower(),
        'ImageNet-1K',
        file,
        page='https://github.com/yun-liu/HAT-Net',
        url=f'https://github.com/yun-liu/HAT-Net/releases/download/v2.0/{file}',
        top1=top1,
    )


RELEASES = (
    _release('Tiny', 79.8),
    _release('Small', 82.6),
    _release('Medium', 84.0),
    _release('Large', 84.2),
)

# The first convolution of the bottleneck has its norm before it, the last one after it.
_PARTS = (
    ('.conv.conv1.0.', '.irb.norm.'),
    ('.conv.conv1.1.', '.irb.expand.'),
)


def rename_hatnet_key(key: str) -> str | None:
    """Our key for one of the authors', as for TransCNN; None for ``proj_norm``, which has no effect."""
    if '.attn.proj_norm.' in key:
        return None
    for theirs, ours in _PARTS:
        key = key.replace(theirs, ours)
    return rename_transcnn_key(key)
