"""TransCNN and HAT-Net against numbers computed with the authors' code, from files in the authors' layout."""

import json
from pathlib import Path

import pytest
import torch

from mmbackbones.analysis.counting import multiply_adds
from mmbackbones.backbones import HATNet, TransCNN
from tests.helpers.reference import StateDict, assert_features_equal, image

REFERENCE = {
    name: json.loads((Path(__file__).parent / f'{name}_reference.json').read_text()) for name in ('transcnn', 'hatnet')
}
NETWORKS = {'transcnn': TransCNN, 'hatnet': HATNet}
TABLE = {  # channels, depths, expansions, kernel sizes
    ('transcnn', 'tiny'): ((64, 128, 256, 512), (2, 2, 4, 2), (4, 4, 4, 4), (5, 3, 5, 3)),
    ('transcnn', 'small'): ((64, 128, 256, 512), (3, 4, 8, 3), (4, 4, 6, 6), (5, 3, 5, 3)),
    ('hatnet', 'tiny'): ((48, 96, 240, 384), (2, 2, 6, 3), (8, 8, 4, 4), (3, 3, 3, 3)),
    ('hatnet', 'small'): ((64, 128, 320, 512), (2, 3, 8, 3), (8, 8, 4, 4), (3, 3, 3, 3)),
}


def official_state(family: str, arch: str) -> dict[str, torch.Tensor]:
    """The state dict of a released network, classifier included, written down from the file's own key list."""
    state = StateDict(REFERENCE[family][arch].get('running_var_gain', {}))
    batch_norm = family == 'transcnn'

    def norm(key, channels):
        state.norm(key, channels, batch_norm)

    dims, depths, expansions, kernel_sizes = TABLE[family, arch]
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
    state.linear('classifier.1', 1000, dims[-1])
    return dict(state)


@pytest.mark.parametrize(('family', 'arch'), TABLE)
def test_equals_the_authors_network(family, arch, tmp_path, monkeypatch):
    said = []
    monkeypatch.setattr('mmbackbones.weights.loading.print_log', lambda text, **kwargs: said.append(text))
    torch.save({'model': official_state(family, arch)}, tmp_path / 'released.pth')
    model = NETWORKS[family](arch, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'released.pth')))
    model.init_weights()
    keys = len(model.state_dict())
    assert f'loaded {keys} of {keys} keys' in said[-1]
    reference = REFERENCE[family][arch]
    with torch.no_grad():
        outs = model.double().eval()(image(reference['seed'], reference['input_shape']).double())
    assert_features_equal(outs, reference['features'])


@pytest.mark.parametrize(
    ('network', 'arch', 'released', 'proj_norm'),
    [
        (TransCNN, 'tiny', 13_315_976, 0),
        (TransCNN, 'small', 26_538_824, 0),
        (TransCNN, 'medium', 48_322_504, 0),
        (TransCNN, 'large', 80_033_352, 0),
        (HATNet, 't', 12_655_912, 5_760),
        (HATNet, 's', 25_747_784, 9_216),
        (HATNet, 'm', 42_942_472, 16_512),
        (HATNet, 'l', 63_132_488, 23_552),
    ],
)
def test_parameters_of_the_releases(network, arch, released, proj_norm):
    with torch.device('meta'):
        model = network(arch)
    classifier = 1000 * model.out_channels[-1] + 1000
    assert sum(param.numel() for param in model.parameters()) + classifier == released - proj_norm


@pytest.mark.parametrize(('family', 'arch'), TABLE)
def test_multiply_adds_of_the_releases(family, arch):
    reference = REFERENCE[family][arch]
    with torch.device('meta'):
        model = NETWORKS[family](arch).eval()
    classifier = 1000 * model.out_channels[-1]
    assert multiply_adds(model, reference['macs_shape']) + classifier == pytest.approx(reference['macs'], rel=1e-3)


@pytest.mark.parametrize('arch', ['paper-small', 'paper-base'])
def test_the_articles_networks_use_the_cascade(arch):
    with torch.device('meta'):
        model = TransCNN(arch).eval()
        steps = [len(stage.blocks[0].attn.qkvs) for stage in model.stages]
        assert steps == [3, 3, 3, 3]
        assert [out.shape[-2:] for out in model(torch.zeros(1, 3, 97, 131))] == [(25, 33), (13, 17), (7, 9), (4, 5)]
