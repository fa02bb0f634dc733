"""TransCNN: the released checkpoints, and the mapping of their keys to ours."""

import re

from ..release import Release


def _release(word: str, top1: float) -> Release:
    file = f'TransCNN-{word}.pth'
    return Release(
        f'transcnn-{word[0].lower()}',
        'TransCNN',
        word.lower(),
        'ImageNet-1K',
        file,
        page='https://github.com/yun-liu/TransCNN',
        url=f'https://github.com/yun-liu/TransCNN/releases/download/v1.0/{file}',
        top1=top1,
        size=256,
    )


RELEASES = (
    _release('Tiny', 80.4),
    _release('Small', 83.1),
    _release('Medium', 83.8),
    _release('Large', 84.2),
)

_STEM = {'0': 'conv1', '1': 'norm1', '3': 'conv2'}
# Ours are the paper's terms: expansion, depthwise and projection convolution; the pooled map's norm.
_PARTS = (
    ('attn.ds_norm.', 'attn.pool_norm.'),
    ('conv.conv1.0.', 'irb.expand.'),
    ('conv.conv1.1.', 'irb.expand_norm.'),
    ('conv.conv2.0.', 'irb.dw_conv.'),
    ('conv.conv2.1.', 'irb.dw_norm.'),
    ('conv.conv3.0.', 'irb.project.'),
    ('conv.conv3.1.', 'irb.project_norm.'),
)
# HAT-Net has one branch here, and so one norm.
_DOWNSAMPLE = {'conv': 'conv', 'norm': 'norm', 'norm1': 'conv_norm', 'residual': 'pool_conv', 'norm2': 'pool_norm'}


def rename_transcnn_key(key: str) -> str:
    """Our key for one of the authors', the classifier's below ``head.``; any other key unchanged."""
    if key.startswith('classifier.1.'):
        return key.replace('classifier.1.', 'head.fc.')
    if match := re.fullmatch(r'patch_embed\.([013])\.(.+)', key):
        return f'stem.{_STEM[match[1]]}.{match[2]}'
    if match := re.fullmatch(r'ds([234])\.(conv|norm|residual|norm1|norm2)\.(.+)', key):
        return f'stages.{int(match[1]) - 1}.downsample.{_DOWNSAMPLE[match[2]]}.{match[3]}'
    if match := re.fullmatch(r'blocks\.(\d)\.(\d+)\.(.+)', key):
        rest = match[3]
        for theirs, ours in _PARTS:
            rest = rest.replace(theirs, ours)
        return f'stages.{match[1]}.blocks.{match[2]}.{rest}'
    return key
