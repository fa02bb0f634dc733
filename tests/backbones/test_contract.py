"""The contract of docs/architecture.md, for every backbone in the registry."""

import inspect
from math import ceil

import numpy as np
import pytest
import torch
from mmcv.cnn.bricks import DropPath
from mmengine.registry import MODELS
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from mmbackbones.backbones import PyramidBackbone
from mmbackbones.errors import UserError
from tests.helpers.small_backbones import SMALL, registered


def image(height=64, width=64, batch=1, channels=3):
    return torch.randn(batch, channels, height, width, generator=torch.Generator().manual_seed(0))


def test_every_backbone_has_a_test_size():
    assert registered() == sorted(SMALL)


def test_the_shared_arguments_stand_in_the_signature(backbone_name):
    """With the types and defaults of the base class; the first one may have another name and has a default."""
    shared = dict(inspect.signature(PyramidBackbone).parameters)
    parameters = dict(inspect.signature(MODELS.get(backbone_name)).parameters)
    del shared['arch']
    assert {name: parameters.get(name) for name in shared} == shared
    assert next(iter(parameters)) == MODELS.get(backbone_name).arch_argument
    assert all(p.annotation is not p.empty and p.default is not p.empty for p in parameters.values())


@pytest.mark.parametrize(('height', 'width'), [(32, 32), (33, 50), (64, 96), (257, 131), (513, 769)])
def test_any_size(build, height, width):
    model = build().eval()
    with torch.no_grad():
        outs = model(image(height, width))
    assert model.strides == (4, 8, 16, 32)
    for out, channels, stride in zip(outs, model.out_channels, model.strides, strict=True):
        assert out.shape == (1, channels, ceil(height / stride), ceil(width / stride))
        assert out.isfinite().all()


@pytest.mark.parametrize('out_indices', [(0,), (1,), (2,), (3,), (1, 3), (0, 1, 2, 3)])
def test_every_parameter_gets_a_gradient(build, out_indices):
    model = build(out_indices=out_indices)
    outs = model(image(64, 64, batch=2))
    assert len(outs) == len(model.out_channels) == len(model.strides) == len(out_indices)
    sum(out.square().mean() for out in outs).backward()
    assert [name for name, param in model.named_parameters() if param.grad is None] == []


def test_out_indices_choose_maps_of_the_whole_pyramid(build):
    torch.manual_seed(0)
    whole = build().eval()
    part = build(out_indices=(1, 2)).eval()
    part.load_state_dict({key: value for key, value in whole.state_dict().items() if key in part.state_dict()})
    with torch.no_grad():
        expected, outs = whole(image()), part(image())
    assert part.out_channels == whole.out_channels[1:3]
    for out, same in zip(outs, expected[1:3], strict=True):
        torch.testing.assert_close(out, same, rtol=0, atol=0)


def test_the_state_after_each_stage(build):
    """The pyramid is made of it, whichever stages are asked for; the stages can be run in part."""
    model = build(out_indices=(1, 3)).eval()
    with torch.no_grad():
        x = model.prepare(image(70, 101))
        states = list(model.run_stages(x, model.stages))
        maps = [model.feature_map(*state) for state in states]
        first = list(model.run_stages(x, model.stages[:2]))
        outs = model(image(70, 101))
    assert [out.shape[-2:] for out in maps] == [(18, 26), (9, 13), (5, 7), (3, 4)]
    assert torch.equal(maps[1], outs[0])
    assert torch.equal(maps[3], outs[1])
    assert [len(state) for state in first] == [len(state) for state in states[:2]]
    for state, same in zip(first, states[:2], strict=True):
        assert all(torch.equal(*pair) for pair in zip(state, same, strict=True))


def test_prepared_images_are_in_the_memory_format_of_the_network(build):
    model = build()
    x = image()
    prepared = model.prepare(x)
    assert torch.equal(prepared, x)
    assert prepared.is_contiguous(memory_format=model.memory_format(x.device))


def test_checkpointing_changes_nothing(build):
    """Values, gradients, drop path and the running statistics."""
    results = []
    for with_cp in (False, True):
        torch.manual_seed(0)
        model = build(with_cp=with_cp, drop_path_rate=0.5).train()
        x = image(64, 64, batch=4).requires_grad_()
        torch.manual_seed(1)
        outs = model(x)
        sum(out.square().mean() for out in outs).backward()
        results.append((outs, x.grad, [param.grad for param in model.parameters()], model.state_dict()))
    torch.testing.assert_close(results[0], results[1], rtol=1e-5, atol=1e-6)


def test_checkpointing_keeps_less(build):
    def kept(with_cp):
        total = 0

        def count(tensor):
            nonlocal total
            total += 0 if tensor.data_ptr() in parameters else tensor.numel()
            return tensor

        model = build(with_cp=with_cp)
        parameters = {param.data_ptr() for param in model.parameters()}
        with torch.autograd.graph.saved_tensors_hooks(count, lambda tensor: tensor):
            model(image(128, 128))
        return total

    assert kept(True) < 0.6 * kept(False)


@pytest.mark.parametrize('frozen_stages', [-1, 0, 1, 3, 4])
def test_frozen_stages(build, frozen_stages):
    model = build(frozen_stages=frozen_stages).train()
    assert len(model.frozen_modules()) == 1 + frozen_stages
    assert not any(module.training for part in model.frozen_modules() for module in part.modules())
    frozen = [] if frozen_stages < 0 else ['stem.', *(f'stages.{i}.' for i in range(frozen_stages))]
    for name, param in model.named_parameters():
        assert param.requires_grad != name.startswith(tuple(frozen))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    outs = model(image(64, 64, batch=2))
    if frozen_stages < 4:
        sum(out.square().mean() for out in outs).backward()
    for key, value in model.state_dict().items():
        if key.startswith(tuple(frozen)):
            assert torch.equal(value, before[key]), f'{key} of a frozen stage changed'


def test_frozen_stages_before_group_norms(build):
    """PyTorch's group norm crashes on channels-last inputs that need no gradient."""
    model = build(frozen_stages=0, norm_cfg=dict(type='GN', num_groups=4)).train()
    sum(out.square().mean() for out in model(image(64, 64, batch=2))).backward()
    assert all((param.grad is None) == name.startswith('stem.') for name, param in model.named_parameters())


def test_norm_eval(build):
    """Also where the norms of the paper are others, as HAT-Net's group norms are."""
    model = build(norm_eval=True, norm_cfg=dict(type='BN')).train()
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    assert norms
    assert not any(norm.training for norm in norms)
    assert model.training


def test_drop_path_rates_rise_linearly(build):
    """Over the blocks of the whole network, from 0 to `drop_path_rate`; no stage starts again."""
    model = build(drop_path_rate=0.6)
    rates = [rate for stage in range(4) for rate in model.drop_path_rates((2, 3, 1, 4), stage)]
    assert rates == pytest.approx(np.arange(10) * 0.6 / 9)
    built = [module.drop_prob for module in model.modules() if isinstance(module, DropPath)]
    assert list(dict.fromkeys(built)) == pytest.approx([0, 0.15, 0.3, 0.45, 0.6])


def test_norm_cfg_replaces_batch_and_group_norms_only(build):
    plain, other = build(), build(norm_cfg=dict(type='GN', num_groups=4))

    def kinds(model):
        layer_norms = [m for m in model.modules() if isinstance(m, nn.LayerNorm)]
        others = [m for m in model.modules() if isinstance(m, _BatchNorm | nn.GroupNorm)]
        return len(layer_norms), others

    assert kinds(plain)[0] == kinds(other)[0]
    assert len(kinds(plain)[1]) == len(kinds(other)[1]) > 0
    assert all(isinstance(norm, nn.GroupNorm) and norm.num_groups == 4 for norm in kinds(other)[1])


def test_in_channels(build):
    assert len(build(in_channels=5).eval()(image(channels=5))) == 4


def test_eval_is_deterministic_and_drop_path_is_not(build):
    model = build(drop_path_rate=0.9)
    x = image(64, 64, batch=8)
    model.eval()
    torch.testing.assert_close(model(x)[-1], model(x)[-1], rtol=0, atol=0)
    model.train()
    assert not torch.equal(model(x)[-1], model(x)[-1])


@pytest.mark.parametrize(
    ('arch', 'messages'),
    [
        ('enormous', dict(arch="no arch 'enormous'; choose one of", depth='depth of .* must be one of')),
        (7, dict(arch='arch of .* must be one of', depth='no depth 7; choose one of')),
        (dict(depths=(1, 1, 1, 1)), dict(arch='or a dict with the keys', depth='or a dict with the keys')),
    ],
)
def test_wrong_arch(backbone_name, arch, messages):
    """Most archs have names; a ResNet has a depth, which is a number."""
    argument = MODELS.get(backbone_name).arch_argument
    with pytest.raises(ValueError, match=messages[argument]):
        MODELS.build({'type': backbone_name, **SMALL[backbone_name], argument: arch})


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(out_indices=(4,)), r'out_indices must be rising stage numbers from 0 to 3, got \(4,\)'),
        (dict(out_indices=(1, 0)), r'out_indices must be rising'),
        (dict(out_indices=()), r'out_indices must be rising'),
        (dict(frozen_stages=5), r'frozen_stages must be'),
        (dict(frozen_stages=-2), r'frozen_stages must be'),
        (dict(out_indices=(0,), frozen_stages=2), r'up to 1'),
    ],
)
def test_wrong_arguments(backbone_name, kwargs, message):
    with pytest.raises(ValueError, match=message):
        MODELS.build({'type': backbone_name, **SMALL[backbone_name], **kwargs})


@pytest.mark.parametrize('shape', [(1, 3, 31, 64), (1, 3, 64, 31), (1, 4, 64, 64), (3, 64, 64)])
def test_impossible_input(build, shape):
    with pytest.raises(ValueError, match='at least 32 pixels, got'):
        build()(torch.zeros(shape))
    with pytest.raises(ValueError, match='at least 32 pixels, got'):
        build().check_input(torch.zeros(shape))


def test_possible_input(build):
    assert build().check_input(torch.zeros(1, 3, 32, 32)) is None


def test_freeze_stages(build):
    model = build().train()
    model.frozen_stages = 1
    model.freeze_stages()
    frozen = ('stem.', 'stages.0.')
    assert all(param.requires_grad != name.startswith(frozen) for name, param in model.named_parameters())
    modules = [(name + '.', module) for name, module in model.named_modules() if name]
    assert all(module.training != name.startswith(frozen) for name, module in modules)


# Classification -----------------------------------------------------------------------------------------------------


def test_a_classifier_leaves_the_pyramid_as_it_is(build):
    torch.manual_seed(0)
    model = build().eval()
    with torch.no_grad():
        maps = model(image())
        head = model.build_classifier(7).eval()
        logits = head(*model.classifier_inputs(image(batch=2)))
        again = model(image())
    assert logits.shape == (2, 7)
    torch.testing.assert_close(again, maps, rtol=0, atol=0)
    assert not any(module is head for module in model.modules())


# Checkpoints ---------------------------------------------------------------------------------------------------------


def wrapped(state):
    """The forms in which a file may hold a state dict."""
    return {
        'bare': state,
        'state_dict': dict(state_dict=state, optimizer=dict(lr=1.0), state_dict_ema=dict.fromkeys(state)),
        'model': dict(model=state, epoch=3),
        'model.state_dict': dict(model=dict(state_dict=state)),
        'module': dict(state_dict={f'module.{key}': value for key, value in state.items()}),
    }


@pytest.mark.parametrize('form', ['bare', 'state_dict', 'model', 'model.state_dict', 'module'])
def test_loads_its_own_state_dict(build, tmp_path, form):
    torch.manual_seed(0)
    source = build()
    torch.save(wrapped(source.state_dict())[form], tmp_path / 'weights.pth')
    model = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth')))
    model.init_weights()
    assert all(torch.equal(model.state_dict()[key], value) for key, value in source.state_dict().items())


def test_loads_below_a_prefix_and_without_unbuilt_stages(build, tmp_path, logged):
    messages = logged('mmbackbones.weights.loading')
    torch.manual_seed(0)
    source = build()
    state = {f'backbone.{key}': value for key, value in source.state_dict().items()}
    torch.save(dict(state_dict={**state, 'bbox_head.weight': torch.zeros(1)}), tmp_path / 'detector.pth')
    model = build(
        out_indices=(0, 1),
        init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'detector.pth'), prefix='backbone.'),
    )
    model.init_weights()
    own = model.state_dict()
    assert all(torch.equal(own[key], source.state_dict()[key]) for key in own)
    assert f'loaded {len(own)} of {len(own)} keys' in messages[-1]


@pytest.mark.parametrize(
    ('fault', 'message'),
    [
        ('missing', r'keys fit; 1 missing'),
        ('unexpected', r'1 unexpected: surprise.weight'),
        ('misshapen', r'1 of another shape: .* in the file, .* here'),
    ],
)
def test_refuses_what_does_not_fit(build, tmp_path, fault, message):
    state = dict(build().state_dict())
    first = next(iter(state))
    if fault == 'missing':
        del state[first]
    elif fault == 'unexpected':
        state['surprise.weight'] = torch.zeros(1)
    else:
        state[first] = torch.zeros(1, 2, 3)
    torch.save(state, tmp_path / 'weights.pth')
    model = build(init_cfg=dict(type='Pretrained', checkpoint=str(tmp_path / 'weights.pth')))
    before = {key: value.clone() for key, value in model.state_dict().items()}
    with pytest.raises(UserError, match=message):
        model.init_weights()
    assert all(torch.equal(model.state_dict()[key], value) for key, value in before.items())
