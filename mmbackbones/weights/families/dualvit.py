"""Dual-ViT: the released checkpoints, and the mapping of their keys to ours.

The authors' classification and downstream code (ImageNetModel) share one layout.
"""

import re

from ..release import Release


def _release(word: str, top1: float, share: str) -> Release:
    return Release(
        f'dualvit-{word[0]}',
        'DualViT',
        word,
        'ImageNet-1K',
        f'dualvit_{word[0]}.pth',
        page=f'https://pan.baidu.com/s/{share} (access code nets)',
        license='Apache-2.0',
        top1=top1,
    )


RELEASES = (
    _release('small', 84.1, '14eufLJprx3Ug1cOPVc2H_g'),
    _release('base', 85.2, '14eufLJprx3Ug1cOPVc2H_g'),
    _release('large', 85.7, '1UGI4vVj-Oivv7yR0K2bEXg'),
)

# Class and dense logits; the class-attention block before them.
_CLASSIFIER = {
    'head.weight': 'fc.weight',
    'head.bias': 'fc.bias',
    'aux_head.': 'aux_fc.',
    'post_network.0.mlp.fc1.': 'mlp.0.',
    'post_network.0.mlp.fc2.': 'mlp.2.',
    'post_network.0.': '',
}
_STEM = {
    'q_embed.0.': 'query_norm.',
    'q_embed.1.': 'query_proj.',
    'kv.': 'kv.',
    'se.': 'gate.',
    'proxy_ln.': 'norm.',
}
_STAGE = {
    'patch_embed': 'patch_embed',
    'proxy_embed': 'semantic_embed',
    'block': 'blocks',
    'norm': 'norm',
    'norm_proxy': 'semantic_norm',
}
# The authors call semantic tokens "proxy", and keep the semantic pathway of a dual block inside its attention.
_BLOCK = {
    'gamma': 'layer_scale_',
    'attn.gamma': 'semantic.layer_scale_',
    'attn.qkv_proxy.0.': 'semantic.norm1.',
    'attn.qkv_proxy.1.': 'semantic.qkv.',
    'attn.q_proxy_ln.': 'semantic.norm2.',
    'attn.q_proxy.': 'semantic.q.',
    'attn.kv_proxy.': 'semantic.kv.',
    'attn.p_ln.': 'semantic.norm3.',
    'attn.mlp_proxy.': 'semantic.mlp.',
    'attn.proxy_ln.': 'semantic_norm.',
    'mlp.dwconv.dwconv.': 'mlp.dw_conv.',
    'mlp.fc_proxy.': 'semantic_mlp.',
}


def _replace_start(key: str, table: dict[str, str]) -> str:
    for theirs, ours in table.items():
        if key.startswith(theirs):
            return ours + key[len(theirs) :]
    return key


def rename_dualvit_key(key: str) -> str:
    """Our key for one of the authors', the classifier's below ``head.``; any other key unchanged."""
    if key.startswith(tuple(_CLASSIFIER)):
        return f'head.{_replace_start(key, _CLASSIFIER)}'
    if key == 'q':
        return 'stem.semantics.query'
    if key.startswith(tuple(_STEM)):
        return f'stem.semantics.{_replace_start(key, _STEM)}'
    match = re.match(r'(patch_embed|proxy_embed|block|norm|norm_proxy)(\d)\.(.+)', key)
    if not match:
        return key
    part, stage, rest = match[1], int(match[2]) - 1, match[3]
    if part == 'patch_embed' and stage == 0:
        return f'stem.pixels.{rest}'
    if part == 'block':
        block, _, rest = rest.partition('.')
        rest = re.sub(r'(layer_scale_\d)$', r'\1.weight', _replace_start(rest, _BLOCK))
        rest = f'{block}.{rest}'
    return f'stages.{stage}.{_STAGE[part]}.{rest.removeprefix("proj_proxy.")}'
