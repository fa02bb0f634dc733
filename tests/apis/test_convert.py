"""Identification of checkpoints, and conversion to plain files."""

import pytest
import torch
from mmengine.config import Config
from mmengine.registry import MODELS
from safetensors.torch import load_file

from mmbackbones.apis.convert import convert_weights
from mmbackbones.apis.identify import identify
from mmbackbones.errors import UserError
from mmbackbones.weights import find_state_dict
from tests.helpers.small_backbones import SMALL, name_small_arch, registered

OURS = 'the layout of mmbackbones'


@pytest.fixture
def build(monkeypatch):
    """Builds a small backbone; meanwhile the family's arch `small` is this one."""

    def build_small(family='VAN', **kwargs):
        name_small_arch(monkeypatch, family)
        torch.manual_seed(0)
        return MODELS.get(family)('small', **kwargs)

    return build_small


def saved(path, state) -> str:
    torch.save(state, path)
    return str(path)


@pytest.mark.parametrize('out_indices', [(0, 1), (0, 1, 2, 3)])
@pytest.mark.parametrize('family', ['DualViT', 'HATNet', 'TransCNN', 'VAN'])
def test_identifies_backbones(build, family, out_indices, tmp_path):
    state = build(family, out_indices=out_indices).state_dict()
    found = identify(saved(tmp_path / 'weights.pth', state))
    assert (found.family, found.arch, found.layout, found.num_classes, found.whole_model) == (
        family,
        'small',
        OURS,
        None,
        False,
    )
    assert found.backbone.keys() == state.keys()


def test_identifies_a_resnet_by_its_depth(tmp_path):
    found = identify(saved(tmp_path / 'weights.pth', MODELS.build(dict(type='SASAResNet', depth=26)).state_dict()))
    assert found.config == dict(type='SASAResNet', depth=26)


@pytest.mark.parametrize(('classes', 'said'), [(('cat', 'dog'), 'whole model, 2 classes'), (None, 'whole model')])
def test_identifies_the_backbone_of_a_whole_model(build, classes, said, tmp_path):
    state = {f'backbone.{key}': value for key, value in build().state_dict().items()}
    content = dict(state_dict={**state, 'neck.weight': torch.zeros(1)}, meta=dict(dataset_meta=dict(classes=classes)))
    found = identify(saved(tmp_path / 'epoch_1.pth', content))
    assert str(found) == f'VAN small in {OURS}, {said}'
    assert len(found.backbone) == len(state)


@pytest.mark.parametrize('suffix', ['.pth', '.safetensors'])
def test_converted_files_load(build, suffix, tmp_path):
    source, out = build().state_dict(), tmp_path / 'new' / f'backbone{suffix}'
    state = {f'backbone.{key}': value for key, value in source.items()}
    convert_weights(saved(tmp_path / 'epoch_1.pth', dict(state_dict=state, optimizer=dict(lr=1.0))), out)
    model = build(init_cfg=dict(type='Pretrained', checkpoint=str(out)))
    torch.nn.init.zeros_(model.stem.proj.weight)
    model.init_weights()
    plain = torch.load(out, weights_only=True) if suffix == '.pth' else load_file(out)
    assert plain.keys() == source.keys()
    for key, value in model.state_dict().items():
        assert torch.equal(value, source[key])
    assert [path.name for path in out.parent.iterdir()] == [out.name]
    assert out.stat().st_mode == (tmp_path / 'epoch_1.pth').stat().st_mode


@pytest.mark.parametrize(
    ('out', 'message'),
    [
        ('there.pth', 'there.pth already exists: delete it or choose another name'),
        ('weights.bin', r'must end in .safetensors or .pth, got .*weights.bin'),
        ('there.pth/weights.pth', 'cannot be written: (File exists|Not a directory)'),
        ('x' * 252 + '.pth', 'cannot be written: '),
        ('x' * 245 + '.safetensors', 'cannot be written: '),
    ],
)
def test_existing_files_are_never_overwritten(build, out, message, tmp_path):
    source = saved(tmp_path / 'source.pth', build().state_dict())
    (tmp_path / 'there.pth').write_text('precious')
    with pytest.raises(UserError, match=message):
        convert_weights(source, tmp_path / out)
    assert (tmp_path / 'there.pth').read_text() == 'precious'
    assert len(list(tmp_path.iterdir())) == 2


def other_keys(state):
    return {key.replace('attn', 'attention'): value for key, value in state.items()}


def other_shape(state):
    return {**state, 'stem.proj.weight': torch.zeros(8, 4, 7, 7)}


@pytest.mark.parametrize(
    ('change', 'message'),
    [
        (
            other_keys,
            r'closest match is VAN small \(.* keys fit; \d+ missing: stages.0.blocks.0.attn.proj_1.weight, .* more; '
            r'\d+ unexpected: stages.0.blocks.0.attention.proj_1.weight, ',
        ),
        (other_shape, r'1 of another shape: stem.proj.weight \(8x4x7x7 in the file, 8x3x7x7 here\)'),
        (
            lambda state: {'conv1.weight': torch.zeros(1), 'block1': torch.zeros(1), 'stages': torch.zeros(1)},
            r'0 of \d+ keys fit; .* 3 unexpected: conv1.weight, block1, stages',
        ),
    ],
)
def test_an_unknown_layout_names_the_closest_match_and_what_differs(build, change, message, tmp_path):
    source = saved(tmp_path / 'source.pth', change(build().state_dict()))
    with pytest.raises(UserError, match=rf'source.pth has an unknown checkpoint layout.*{message}'):
        convert_weights(source, tmp_path / 'out.pth')
    assert not (tmp_path / 'out.pth').exists()


def prefixed(prefix):
    return lambda state: {f'{prefix}{key}': value for key, value in state.items()}


WRAPPERS = [
    prefixed('module.'),
    prefixed('_orig_mod.'),
    prefixed('module._orig_mod.'),
    prefixed('_orig_mod.module.'),
    prefixed('module.module.'),
    prefixed('_fsdp_wrapped_module.'),
    lambda state: {'n_averaged': torch.tensor(7), **prefixed('module.')(state)},
    lambda state: {'n_averaged': torch.tensor(7), **prefixed('module._orig_mod.')(state)},
    lambda state: dict(state_dict={'steps': torch.tensor(7), **prefixed('module.')(state)}),
    lambda state: dict(model=prefixed('_orig_mod.')(state)),
    lambda state: {key.replace('0.', '0._orig_mod.', 1): value for key, value in state.items()},
    lambda state: {key.replace('0.', '0._checkpoint_wrapped_module.', 1): value for key, value in state.items()},
]


@pytest.mark.parametrize('wrap', WRAPPERS, ids=range(len(WRAPPERS)))
def test_prefixes_of_wrappers_are_removed(wrap):
    state = {'stem.weight': torch.zeros(1), 'stages.0.bias': torch.ones(1)}
    assert find_state_dict(wrap(state)) == state


@pytest.mark.parametrize(
    'wrap',
    [
        WRAPPERS[7],
        prefixed('backbone._orig_mod.'),
        lambda state: {key: value for key, value in state.items() if 'num_batches_tracked' not in key},
    ],
    ids=['averaged', 'compiled', 'uncounted'],
)
def test_files_of_wrapped_networks(build, wrap, tmp_path):
    source = build('VAN', out_indices=(0, 1))
    for buffer in source.buffers():  # unlike those of a new network
        buffer += 1 if buffer.is_floating_point() else 0
    convert_weights(saved(tmp_path / 'weights.pth', wrap(source.state_dict())), tmp_path / 'plain.pth')
    model = build('VAN', out_indices=(0, 1), init_cfg=dict(type='Pretrained', checkpoint=tmp_path / 'plain.pth'))
    torch.nn.init.zeros_(model.stem.proj.weight)
    model.init_weights()
    assert all(torch.equal(value, source.state_dict()[key]) for key, value in model.state_dict().items())


def test_a_name_that_only_looks_like_a_wrappers_is_kept():
    state = {'module.a': torch.zeros(1), 'b': torch.zeros(1), 'my_orig_mod.c': torch.zeros(1)}
    assert find_state_dict(state).keys() == state.keys()
    twice = {'_orig_mod.a': torch.zeros(1), 'a': torch.ones(1)}
    assert find_state_dict(twice).keys() == twice.keys()


def trained(backbone: dict, **more) -> dict:
    """A checkpoint as written by a training run with such a backbone."""
    torch.manual_seed(0)
    network = MODELS.build(backbone)
    cfg = Config(dict(model=dict(type='RetinaNet', backbone=backbone, neck=dict(type='FPN'))))
    state = {f'backbone.{key}': value for key, value in network.state_dict().items()}
    return dict(
        state_dict={**state, 'neck.weight': torch.zeros(1)},
        meta=dict(cfg=cfg.pretty_text, dataset_meta=dict(classes=('cat', 'dog'))),
        **more,
    )


@pytest.mark.parametrize('family', registered())
def test_an_arch_dict(family, tmp_path):
    backbone = dict(type=family, **SMALL[family], drop_path_rate=0.1, init_cfg=dict(type='Pretrained', checkpoint='x'))
    content = trained({**backbone, 'init_cfg': None})
    content['meta']['cfg'] = content['meta']['cfg'].replace('init_cfg=None', "init_cfg=dict(checkpoint='x')")
    found = convert_weights(saved(tmp_path / 'epoch_1.pth', content), tmp_path / 'backbone.safetensors')
    assert str(found) == f'{family} of its own sizes in {OURS}, whole model, 2 classes'
    init_cfg = dict(type='Pretrained', checkpoint=str(tmp_path / 'backbone.safetensors'))
    model = MODELS.build(dict(found.config, init_cfg=init_cfg))
    model.init_weights()
    assert all(
        torch.equal(value, content['state_dict'][f'backbone.{key}']) for key, value in model.state_dict().items()
    )


@pytest.mark.parametrize('options', [dict(in_channels=1), dict(norm_cfg=dict(type='GN', num_groups=1))])
def test_options_that_shape_the_weights(options, tmp_path):
    content = trained(dict(type='VAN', arch='t', out_indices=(0, 1), **options))
    found = identify(saved(tmp_path / 'epoch_1.pth', content))
    assert found.config == dict(type='VAN', arch='t', **options)


# One block of 100,000 attention steps.
MANY_LAYERS = (
    "model = dict(backbone=dict(type='TransCNN', arch=dict(head_dim=8, embed_dims=(8, 8, 8, 8), depths=(1, 0, 0, 0), "
    'expansions=(4, 4, 4, 4), kernel_sizes=(3, 3, 3, 3), '
    f"attentions=[dict(type='CascadedSelfAttention2d', grid_sizes=[{'1, ' * 100_000}]), 0, 0, 0])))"
)


@pytest.mark.parametrize(
    'text',
    [
        "model = dict(backbone=dict(type='VAN', arch=dict(embed_dims=(8,), depths=(1,), mlp_ratios=(2,))))",
        "model = dict(backbone=dict(type='os.system', arch=dict(depths=(1,)), command='touch PWNED'))",
        "model = dict(backbone=dict(type='VAN', arch='t', norm_cfg=dict(type='os.system', command='touch PWNED')))",
        "model = dict(backbone=dict(type='VAN', arch=dict(embed_dims=(8,) * 4)))",
        "model = dict(backbone=dict(type='VAN', arch=dict(embed_dims=(8, 8, 8, 8), depths=(10**9, 1, 1, 1),"
        'mlp_ratios=(2, 2, 2, 2))))',
        "model = dict(backbone=dict(type='VAN', arch=dict(embed_dims=(8, 8, 8, 8), depths=(1000000000, 1, 1, 1), "
        'mlp_ratios=(2, 2, 2, 2))))',
        pytest.param(MANY_LAYERS, id='layers without end in one block'),
        "model = dict(backbone=dict(type='VAN', arch='t', in_channels='many', out_indices='all'))",
        "model = dict(backbone=dict(type=['VAN'], arch='t'))",
        "model = dict(backbone='VAN')",
        'model = 1',
        'model = (',
        "open('PWNED', 'w')",
    ],
)
def test_a_malicious_config(text, build, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    state = {f'backbone.{key}': value for key, value in other_shape(build().state_dict()).items()}
    content = dict(state_dict=state, meta=dict(cfg=text))
    with pytest.raises(UserError, match='has an unknown checkpoint layout; the closest match is VAN small'):
        identify(saved(tmp_path / 'epoch_1.pth', content))
    assert not (tmp_path / 'PWNED').exists()
