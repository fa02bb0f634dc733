"""Dual-ViT: values of the authors' code from files in their layouts, memory, the grid of semantic tokens."""

from contextlib import nullcontext

import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from mmbackbones.analysis.counting import count_saved_bytes, multiply_adds, saved_bytes
from mmbackbones.analysis.explicit_attention import explicit_attention
from mmbackbones.backbones import DualViT
from mmbackbones.benchmarks.dualvit import COCO, multiply_adds_per_pixel
from tests.helpers.official_states import dualvit_state, load_reference
from tests.helpers.reference import assert_features_equal, image
from tests.helpers.small_backbones import SMALL

REFERENCE = load_reference('dualvit')
SMALL_CASE, CASE_224 = REFERENCE['cases']


def small(**kwargs) -> DualViT:
    torch.manual_seed(0)
    return DualViT(**{**SMALL['DualViT'], **kwargs})


def load(folder, layout='classification', **kwargs) -> DualViT:
    torch.save(dualvit_state(layout), folder / 'dualvit.pth')
    model = DualViT('small', init_cfg=dict(type='Pretrained', checkpoint=str(folder / 'dualvit.pth')), **kwargs)
    model.init_weights()
    return model.double().eval()


def assert_equals_the_authors(model: DualViT, case: dict) -> None:
    with torch.no_grad():
        outs = model(image(case['seed'], case['input_shape']).double())
    assert_features_equal(outs, {f'feat{i + 1}': case['features'][f'feat{i + 1}'] for i in model.out_indices})


@pytest.mark.parametrize('layout', ['classification', 'downstream'])
def test_equals_the_authors_network(layout, tmp_path):
    assert_equals_the_authors(load(tmp_path, layout), SMALL_CASE)


@pytest.mark.parametrize('out_indices', [(0,), (1,), (2,)])
def test_a_map_alone_equals_the_same_map_of_the_whole(out_indices, tmp_path):
    assert_equals_the_authors(load(tmp_path, out_indices=out_indices), SMALL_CASE)


@pytest.mark.parametrize(('arch', 'parameters'), [('small', 21_741_280), ('base', 38_448_128), ('large', 68_787_648)])
def test_parameters_of_the_authors_downstream_networks(arch, parameters):
    with torch.device('meta'):
        assert sum(param.numel() for param in DualViT(arch).parameters()) == parameters


def test_multiply_adds_of_the_authors_network():
    with torch.device('meta'):
        model = DualViT('small').eval()
    assert multiply_adds(model, REFERENCE['macs_shape']) == REFERENCE['macs']


@pytest.mark.parametrize('names', ['small s', 'base b', 'large l'])
def test_names_of_one_arch(names):
    first, other = (DualViT.arch_zoo[name] for name in names.split())
    assert other is first


def test_size_of_a_coco_image_without_padding():
    with torch.no_grad():
        outs = small().eval()(torch.zeros(1, 3, 800, 1333))
    assert [tuple(out.shape[2:]) for out in outs] == [(200, 334), (100, 167), (50, 84), (25, 42)]


def test_layer_scale_is_the_initial_scale_of_every_branch():
    scales = [param for name, param in small(layer_scale=0.25).named_parameters() if 'layer_scale' in name]
    assert len(scales) == 2 * 5 + 3 * 2
    assert all((scale == 0.25).all() for scale in scales)


@pytest.mark.parametrize(
    ('kwargs', 'message'),
    [
        (dict(semantic_grid=8), 'semantic_grid must be None or two positive numbers .*, got 8'),
        (dict(semantic_grid=(8, 0)), r'got \(8, 0\)'),
        (dict(semantic_grid=(8, 8, 8)), r'got \(8, 8, 8\)'),
        (
            dict(arch={**SMALL['DualViT']['arch'], 'num_heads': (3, 2, 3, 4)}),
            'embed_dims must be multiples of num_heads',
        ),
    ],
)
def test_wrong_arguments(kwargs, message):
    with pytest.raises(ValueError, match=message):
        small(**kwargs)


# Semantic tokens -----------------------------------------------------------------------------------------------------


def semantic_tokens(model: DualViT, height: int, width: int) -> int:
    with torch.no_grad():
        return model.eval().stem(torch.zeros(1, 3, height, width))[1].shape[1]


def test_semantic_tokens_grow_with_the_image_or_do_not():
    growing, fixed = small(), small(semantic_grid=(8, 8))
    assert [semantic_tokens(growing, *size) for size in ((33, 50), (224, 224), (448, 672))] == [1, 64, 16 * 24]
    assert {semantic_tokens(fixed, *size) for size in ((33, 50), (224, 224), (448, 672))} == {64}


def test_a_fixed_grid_equals_the_authors_network_at_its_own_size(tmp_path):
    assert_equals_the_authors(load(tmp_path, semantic_grid=(8, 8)), CASE_224)


def test_a_fixed_grid_takes_the_same_tokens_from_a_larger_image():
    """Each token of an image of 8x8 flat tiles sees one tile, whatever the size of the tiles."""
    stem = small(semantic_grid=(8, 8)).stem.semantics
    tiles = torch.rand(1, 8, 8, 8)
    small_map, large_map = (tiles.repeat_interleave(n, 1).repeat_interleave(n, 2) for n in (2, 9))
    torch.testing.assert_close(stem(small_map), stem(large_map))


def test_dual_blocks_cost_the_same_for_every_pixel_with_a_fixed_grid():
    """The rest of the cost is that of the 64 tokens themselves, less than 3 % at 224x224."""

    def per_pixel(side, grid):
        return multiply_adds_per_pixel((side, side), grid, out_indices=(1,))

    assert per_pixel(896, (8, 8)) == pytest.approx(per_pixel(224, (8, 8)), rel=0.03)
    assert per_pixel(896, None) > 2 * per_pixel(224, None)


# Memory --------------------------------------------------------------------------------------------------------------


def test_attention_maps_are_not_kept():
    def kept_maps():
        """Tensors kept for the backward pass that span both the pixels and the semantic tokens of a stage."""
        shapes = []
        model, x = small(), torch.zeros(1, 3, 260, 300)
        tokens, pixels = 9 * 10, (65 * 75, 33 * 38)
        joint = [17 * 19 + tokens, 9 * 10 + tokens]
        with torch.autograd.graph.saved_tensors_hooks(lambda tensor: shapes.append(tensor.shape), lambda _: None):
            model(x)
        return [
            shape
            for shape in shapes
            if any(n in shape and tokens in shape for n in pixels) or any(shape.count(n) == 2 for n in joint)
        ]

    assert kept_maps() == []
    with explicit_attention():
        assert kept_maps() != []


@pytest.mark.parametrize('explicit', [False, True])
def test_counting_without_computing_counts_right(explicit):
    with explicit_attention() if explicit else nullcontext():
        assert count_saved_bytes(small, (1, 3, 96, 132)) == saved_bytes(small(), torch.zeros(1, 3, 96, 132))


def test_a_coco_image_keeps_less_than_a_third():
    fused = count_saved_bytes(lambda: DualViT('small'), (1, 3, *COCO))
    with explicit_attention():
        explicit = count_saved_bytes(lambda: DualViT('small'), (1, 3, *COCO))
    assert fused < explicit / 3


class Copies(TorchDispatchMode):
    """Records every operation that copies a tensor unchanged, into another memory layout or not."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        if func.overloadpacket in (torch.ops.aten.clone, torch.ops.aten.copy_, torch.ops.aten._to_copy):
            self.seen.append(func)
        return func(*args, **(kwargs or {}))


def test_blocks_change_no_layout():
    """Neither forward nor backward, with several images in a batch."""
    model = small()
    x, z = model.stem(torch.randn(2, 3, 128, 160).contiguous(memory_format=torch.channels_last))
    for stage in model.stages:
        x, z = stage.patch_embed(x), stage.semantic_embed(z)
        for block in stage.blocks:
            x, z = x.detach().requires_grad_(), z.detach().requires_grad_()
            with Copies() as copies:
                outs = block(x, z)
                torch.autograd.grad(outs, (x, z), [torch.ones_like(out) for out in outs])
            assert copies.seen == []
            x, z = outs


def test_maps_are_computed_in_channels_last():
    image = torch.zeros(2, 3, 64, 64).contiguous(memory_format=torch.channels_last)
    for out in small().eval().pyramid(image):
        assert out.is_contiguous(memory_format=torch.channels_last)


def test_half_precision():
    model = small()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        outs = model(torch.randn(2, 3, 64, 96))
    sum(out.float().square().mean() for out in outs).backward()
    assert all(param.grad.isfinite().all() for param in model.parameters())


# What is built -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize('last', [0, 1, 2, 3])
def test_the_semantic_pathway_ends_where_nothing_reads_it(last):
    model = small(out_indices=(last,))
    assert [isinstance(stage.semantic_norm, nn.Identity) for stage in model.stages] == [False] * last + [True]
    ffns = [block.semantic_mlp is not None for stage in model.stages[2:] for block in stage.blocks]
    assert ffns == [[], [], [True, False], [True, True, False]][last]


def test_a_classifier_needs_the_last_stage():
    with pytest.raises(ValueError, match=r'reads stage 3, which out_indices=\(0, 2\) leave out'):
        small(out_indices=(0, 2)).build_classifier(5)


def test_only_a_classifier_builds_what_only_it_reads():
    model = small()
    key = f'stages.3.blocks.{len(model.stages[3].blocks) - 1}.semantic_mlp.0.weight'
    assert key not in model.state_dict()
    assert model.is_ignored_key(key)
    model.build_classifier(5)
    assert key in model.state_dict()
    assert not model.is_ignored_key(key)
