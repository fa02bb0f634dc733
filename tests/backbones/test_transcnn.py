"""TransCNN and HAT-Net against numbers computed with the authors' code, from files in the authors' layout."""

import pytest
import torch
from mmengine.registry import MODELS
from torch import nn

from mmbackbones.analysis.counting import multiply_adds
from mmbackbones.backbones import HATNet, TransCNN
from tests.helpers.official_states import HIERARCHICAL, hierarchical_state, load_reference
from tests.helpers.reference import assert_features_equal, image

REFERENCE = {name: load_reference(name) for name in ('transcnn', 'hatnet')}
NETWORKS = {'transcnn': TransCNN, 'hatnet': HATNet}


@pytest.mark.parametrize(('family', 'arch'), HIERARCHICAL)
def test_equals_the_authors_network(family, arch, tmp_path, logged):
    messages = logged('mmbackbones.weights.loading')
    torch.save({'model': hierarchical_state(family, arch)}, tmp_path / 'released.pth')
    model = NETWORKS[family](arch, init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'released.pth')))
    model.init_weights()
    keys = len(model.state_dict())
    assert f'loaded {keys} of {keys} keys' in messages[-1]
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


@pytest.mark.parametrize(('family', 'arch'), HIERARCHICAL)
def test_multiply_adds_of_the_releases(family, arch):
    reference = REFERENCE[family][arch]
    with torch.device('meta'):
        model = NETWORKS[family](arch).eval()
    classifier = 1000 * model.out_channels[-1]
    assert multiply_adds(model, reference['macs_shape']) + classifier == pytest.approx(reference['macs'], rel=1e-3)


@pytest.mark.parametrize('arch', ['paper-small', 'paper-base'])
def test_the_papers_networks_use_the_cascade(arch):
    with torch.device('meta'):
        model = TransCNN(arch).eval()
        steps = [len(stage.blocks[0].attn.qkvs) for stage in model.stages]
        assert steps == [3, 3, 3, 3]
        assert [out.shape[-2:] for out in model(torch.zeros(1, 3, 97, 131))] == [(25, 33), (13, 17), (7, 9), (4, 5)]


@pytest.mark.parametrize('network', [TransCNN, HATNet])
def test_attention_of_others(network, monkeypatch):
    class Doubled(nn.Module):
        def __init__(self, in_channels, head_dim, norm_cfg):
            super().__init__()

        def forward(self, x):
            return 2 * x

    monkeypatch.setitem(MODELS.module_dict, 'Doubled', Doubled)
    arch = dict(
        embed_dims=(8, 8, 8, 8),
        depths=(1, 1, 1, 1),
        head_dim=8,
        expansions=(2, 2, 2, 2),
        kernel_sizes=(3, 3, 3, 3),
        attentions=(dict(type='Doubled'),) * 4,
    )
    model = network(arch, norm_cfg=dict(type='BN', affine=False)).eval()
    block = model.stages[0].blocks[0]
    block.irb = nn.Identity()
    x = torch.randn(1, 8, 9, 7)
    assert torch.equal(block(x), 2 * (x + 2 * x))
    assert len(model.fuse()(torch.randn(1, 3, 32, 32))) == 4
