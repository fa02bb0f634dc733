"""Keys of the files of HAT-Net's release."""

from .transcnn import rename_transcnn_key

# The first convolution of the bottleneck has its norm before it, the last one after it.
_PARTS = (
    ('.conv.conv1.0.', '.irb.norm.'),
    ('.conv.conv1.1.', '.irb.expand.'),
)


def rename_hatnet_key(key: str) -> str | None:
    """The key of ours for one of the authors', as TransCNN's; None for ``proj_norm``, which has no effect."""
    if '.attn.proj_norm.' in key:
        return None
    for theirs, ours in _PARTS:
        key = key.replace(theirs, ours)
    return rename_transcnn_key(key)
