"""State dicts in the authors' layouts, written down from the key lists of their released files, with classifiers.

The values are drawn by :mod:`tests.helpers.reference`. ``tests/backbones/FAMILY_reference.json`` has the variances of
batch norms that keep the activations of these networks finite.
"""

import json
from collections.abc import Sequence
from pathlib import Path

from torch import Tensor

from .reference import StateDict

_VAN = {  # channels, depths
    'b0': ((32, 64, 160, 256), (3, 3, 5, 2)),
    'b2': ((64, 128, 320, 512), (3, 3, 12, 3)),
}
HIERARCHICAL = {  # channels, depths, expansions, kernel sizes
    ('transcnn', 'tiny'): ((64, 128, 256, 512), (2, 2, 4, 2), (4, 4, 4, 4), (5, 3, 5, 3)),
    ('transcnn', 'small'): ((64, 128, 256, 512), (3, 4, 8, 3), (4, 4, 6, 6), (5, 3, 5, 3)),
    ('hatnet', 'tiny'): ((48, 96, 240, 384), (2, 2, 6, 3), (8, 8, 4, 4), (3, 3, 3, 3)),
    ('hatnet', 'small'): ((64, 128, 320, 512), (2, 3, 8, 3), (8, 8, 4, 4), (3, 3, 3, 3)),
}
_DUALVIT_S = (64, 128, 320, 448), (3, 4, 6, 3)  # channels, depths


def load_reference(name: str) -> dict:
    """The stored numbers of the authors' code in ``tests/backbones/NAME_reference.json``."""
    return json.loads((Path(__file__).parents[1] / 'backbones' / f'{name}_reference.json').read_text())


def van_state(arch: str) -> dict[str, Tensor]:
    """The state dict of a released VAN, `b0` or `b2`."""
    state = StateDict(load_reference('van')[arch]['running_var_gain'])
    dims, depths = _VAN[arch]
    put_van(state, dims, depths, (8, 8, 4, 4))
    state.linear('head', 1000, dims[-1])
    return dict(state)


def put_van(state: StateDict, dims: Sequence[int], depths: Sequence[int], ratios: Sequence[int]) -> None:
    """Put the layers of a VAN of these channels, depths and MLP ratios, without its classifier, into a state dict."""
    before = 3
    for i, (dim, depth, ratio) in enumerate(zip(dims, depths, ratios, strict=True), 1):
        state.conv(f'patch_embed{i}.proj', dim, before, 7 if i == 1 else 3)
        state.norm(f'patch_embed{i}.norm', dim)
        for block in (f'block{i}.{j}' for j in range(depth)):
            state.put(f'{block}.layer_scale_1', (dim,), 'layer_scale')
            state.put(f'{block}.layer_scale_2', (dim,), 'layer_scale')
            state.norm(f'{block}.norm1', dim)
            state.conv(f'{block}.attn.proj_1', dim, dim)
            state.conv(f'{block}.attn.spatial_gating_unit.conv0', dim, 1, 5)
            state.conv(f'{block}.attn.spatial_gating_unit.conv_spatial', dim, 1, 7)
            state.conv(f'{block}.attn.spatial_gating_unit.conv1', dim, dim)
            state.conv(f'{block}.attn.proj_2', dim, dim)
            state.norm(f'{block}.norm2', dim)
            state.conv(f'{block}.mlp.fc1', dim * ratio, dim)
            state.conv(f'{block}.mlp.dwconv.dwconv', dim * ratio, 1, 3)
            state.conv(f'{block}.mlp.fc2', dim, dim * ratio)
        state.norm(f'norm{i}', dim, batch_norm=False)
        before = dim


def hierarchical_state(family: str, arch: str) -> dict[str, Tensor]:
    """The state dict of a released TransCNN or HAT-Net, a key of :data:`HIERARCHICAL`."""
    state = StateDict(load_reference(family)[arch].get('running_var_gain', {}))
    put_hierarchical(state, family, *HIERARCHICAL[family, arch])
    state.linear('classifier.1', 1000, HIERARCHICAL[family, arch][0][-1])
    return dict(state)


def put_hierarchical(
    state: StateDict,
    family: str,
    dims: Sequence[int],
    depths: Sequence[int],
    expansions: Sequence[int],
    kernel_sizes: Sequence[int],
) -> None:
    """Put the layers of a TransCNN or HAT-Net, without its classifier, into a state dict."""
    batch_norm = family == 'transcnn'

    def norm(key, channels):
        state.norm(key, channels, batch_norm)

    state.conv('patch_embed.0', 16, 3, 3)
    norm('patch_embed.1', 16)
    state.conv('patch_embed.3', dims[0], 16, 3)
    for i, (dim, depth, expansion, size) in enumerate(zip(dims, depths, expansions, kernel_sizes, strict=True)):
        for block in (f'blocks.{i}.{j}' for j in range(depth)):
            norm(f'{block}.attn.norm', dim)
            state.conv(f'{block}.attn.qkv', 3 * dim, dim)
            state.conv(f'{block}.attn.proj', dim, dim)
            if family == 'hatnet':
                norm(f'{block}.attn.proj_norm', dim)
            if i < 3:
                norm(f'{block}.attn.grid_norm', dim)
                norm(f'{block}.attn.ds_norm', dim)
                state.conv(f'{block}.attn.q', dim, dim)
                state.conv(f'{block}.attn.kv', 2 * dim, dim)
            hidden = dim * expansion
            if family == 'hatnet':
                norm(f'{block}.conv.conv1.0', dim)
                state.conv(f'{block}.conv.conv1.1', hidden, dim, bias=False)
            else:
                state.conv(f'{block}.conv.conv1.0', hidden, dim, bias=False)
                norm(f'{block}.conv.conv1.1', hidden)
                norm(f'{block}.conv.conv2.1', hidden)
            state.conv(f'{block}.conv.conv2.0', hidden, 1, size, bias=False)
            state.conv(f'{block}.conv.conv3.0', dim, hidden, bias=False)
            norm(f'{block}.conv.conv3.1', dim)
    for i in (2, 3, 4):
        before, dim = dims[i - 2], dims[i - 1]
        state.conv(f'ds{i}.conv', dim, before, 3)
        if family == 'hatnet':
            norm(f'ds{i}.norm', dim)
        else:
            norm(f'ds{i}.norm1', dim)
            state.conv(f'ds{i}.residual', dim, before)
            norm(f'ds{i}.norm2', dim)


def dualvit_state(layout: str) -> dict[str, Tensor]:
    """The state dict of a released Dual-ViT-S, in the `classification` or the `downstream` layout."""
    state = StateDict({})
    put_dualvit(state, layout, 32, *_DUALVIT_S, (8, 8, 4, 3))
    return dict(state)


def put_dualvit(
    state: StateDict, layout: str, width: int, dims: Sequence[int], depths: Sequence[int], ratios: Sequence[int]
) -> None:
    """Put the layers of a Dual-ViT, with its classifier in the `classification` layout, into a state dict."""

    def norm(key, channels):
        state.norm(key, channels, batch_norm=False)

    def gammas(prefix, channels, count):
        for n in range(1, count + 1):
            state.put(f'{prefix}gamma{n}', (channels,), 'layer_scale')

    def attention(prefix, dim):
        state.linear(f'{prefix}.q', dim, dim)
        state.linear(f'{prefix}.kv', 2 * dim, dim)
        state.linear(f'{prefix}.proj', dim, dim)

    def ffn(prefix, dim, hidden, names=('0', '2')):
        state.linear(f'{prefix}.{names[0]}', hidden, dim)
        state.linear(f'{prefix}.{names[1]}', dim, hidden)

    dim = dims[0]
    state.put('q', (64, dim), 'weight')
    norm('q_embed.0', dim)
    state.linear('q_embed.1', dim, dim)
    state.linear('kv', 2 * dim, dim)
    norm('proxy_ln', dim)
    state.linear('se.0', dim, dim)
    state.linear('se.2', 2 * dim, dim)
    for n, (channels, size) in enumerate(((3, 7), (width, 3), (width, 3))):
        state.conv(f'patch_embed1.conv.{3 * n}', width, channels, size, bias=False)
        state.norm(f'patch_embed1.conv.{3 * n + 1}', width)
    for i, (dim, depth, before) in enumerate(zip(dims, depths, (width, *dims[:-1]), strict=True), 1):
        state.conv(f'patch_embed{i}.proj', dim, before, 3)
        norm(f'patch_embed{i}.norm', dim)
        if i > 1:
            state.linear(f'proxy_embed{i}.proj_proxy.0', dim, before)
            norm(f'proxy_embed{i}.proj_proxy.1', dim)
        for j in range(depth):
            block = f'block{i}.{j}'
            gammas(f'{block}.', dim, 2)
            norm(f'{block}.norm1', dim)
            norm(f'{block}.norm2', dim)
            attention(f'{block}.attn', dim)
            hidden = dim * (ratios[i - 1] - (i == 3 and j % 2))
            ffn(f'{block}.mlp', dim, hidden, ('fc1', 'fc2'))
            state.conv(f'{block}.mlp.dwconv.dwconv', hidden, 1, 3)
            if i <= 2:
                gammas(f'{block}.attn.', dim, 3)
                for name in ('q_proxy_ln', 'p_ln', 'proxy_ln', 'qkv_proxy.0'):
                    norm(f'{block}.attn.{name}', dim)
                state.linear(f'{block}.attn.qkv_proxy.1', 3 * dim, dim)
                state.linear(f'{block}.attn.q_proxy', dim, dim)
                state.linear(f'{block}.attn.kv_proxy', 2 * dim, dim)
                ffn(f'{block}.attn.mlp_proxy', dim, 4 * dim)
            elif layout == 'classification' or (i, j) != (4, depths[3] - 1):
                ffn(f'{block}.mlp.fc_proxy', dim, 2 * dim)
        norm(f'norm{i}', dim)
        if i < 4:
            norm(f'norm_proxy{i}', dim)
    if layout == 'classification':
        norm('post_network.0.norm1', dim)
        norm('post_network.0.norm2', dim)
        attention('post_network.0.attn', dim)
        ffn('post_network.0.mlp', dim, 2 * dim, ('fc1', 'fc2'))
        state.linear('head', 1000, dim)
        state.linear('aux_head', 1000, dim)
