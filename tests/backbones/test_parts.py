"""The parts of the networks: shapes, and what each part does where its weights say so."""

from functools import partial

import pytest
import torch
from torch import nn

from mmbackbones.backbones import HATNet, TransCNN, dualvit, hatnet, sasa, transcnn, van
from mmbackbones.layers import LayerScale, TwoBranchDownsampling

BN = dict(type='BN')
ATTENTION = dict(type='MultiHeadSelfAttention2d')


def van_block(channels: int = 8) -> van.Block:
    return van.Block(channels, 2, 0.0, BN)


def van_scale() -> LayerScale:
    return LayerScale(8, data_format='channels_first')


def bottleneck(in_channels: int = 16, stride: int = 1) -> sasa.Bottleneck:
    return sasa.Bottleneck(in_channels, 16, stride, 0.0, None, BN)


def transcnn_block() -> transcnn.Block:
    return TransCNN('tiny').build_block(0, 0.0)


# A part, what it takes -> what it returns. Odd sizes are rounded up.
SHAPES = {
    'van.PatchEmbed': (lambda: van.PatchEmbed(3, 8, 7, 4, BN), (2, 3, 33, 40), (2, 8, 9, 10)),
    'van.ConvFFN': (lambda: partial(van.ConvFFN(8, 16), layer_scale=van_scale()), (2, 8, 5, 6), (2, 8, 5, 6)),
    'van.Block': (van_block, (2, 8, 5, 6), (2, 8, 5, 6)),
    'van.Stage': (
        lambda: van.Stage(van.PatchEmbed(3, 8, 3, 2, BN), [van_block(), van_block()], 8, False),
        (2, 3, 9, 12),
        (2, 8, 5, 6),
    ),
    'transcnn.Stem': (lambda: transcnn.Stem(3, 8, BN), (2, 3, 33, 40), (2, 8, 9, 10)),
    'transcnn.Block': (transcnn_block, (2, 64, 8, 8), (2, 64, 8, 8)),
    'transcnn.Stage': (
        lambda: transcnn.Stage(TwoBranchDownsampling(3, 64, BN), [transcnn_block()], False),
        (2, 3, 16, 15),
        (2, 64, 8, 8),
    ),
    'hatnet.Downsampling': (lambda: hatnet.Downsampling(3, 8, BN), (2, 3, 9, 12), (2, 8, 5, 6)),
    'sasa.Bottleneck': (lambda: bottleneck(8, 2), (2, 8, 9, 12), (2, 16, 5, 6)),
    'sasa.Stage': (lambda: sasa.Stage(bottleneck(8, 2), bottleneck(), with_cp=False), (2, 8, 9, 12), (2, 16, 5, 6)),
    'dualvit.PatchEmbed': (lambda: dualvit.PatchEmbed(3, 8), (2, 9, 12, 3), (2, 5, 6, 8)),
    'dualvit.PixelStem': (lambda: dualvit.PixelStem(3, 4, 8, BN), (2, 3, 33, 40), (2, 9, 10, 8)),
    'dualvit.SemanticStem': (lambda: dualvit.SemanticStem(8, None), (2, 15, 21, 8), (2, 6, 8)),
    'dualvit.SemanticStem of a fixed grid': (lambda: dualvit.SemanticStem(8, (2, 3)), (2, 15, 21, 8), (2, 6, 8)),
    'dualvit.ConvFFN': (lambda: dualvit.ConvFFN(8, 16), (2, 5, 6, 8), (2, 5, 6, 8)),
}


@pytest.mark.parametrize(('build', 'given', 'expected'), SHAPES.values(), ids=SHAPES)
def test_shapes(build, given, expected):
    x = torch.randn(given)
    out = build()(x)
    assert out.shape == expected
    assert out.std() > 0


def dual_block(scale: float) -> nn.Module:
    return dualvit.DualBlock(8, 2, 2, 0.0, scale)


def merge_block(scale: float, semantic_ffn: bool = True) -> nn.Module:
    return dualvit.MergeBlock(8, 2, 2, 0.0, scale, semantic_ffn)


@pytest.mark.parametrize('build', [dual_block, merge_block])
def test_blocks_of_dualvit_are_residual_in_both_pathways(build):
    x, z = torch.randn(2, 5, 6, 8), torch.randn(2, 4, 8)
    same_x, same_z = build(0.0)(x, z)
    assert torch.equal(same_x, x)
    assert torch.equal(same_z, z)
    other_x, other_z = build(1.0)(x, z)
    assert other_x.shape == x.shape
    assert other_z.shape == z.shape
    assert not torch.equal(other_x, x)
    assert not torch.equal(other_z, z)


def test_the_semantic_pathway_reads_the_pixels():
    pathway = dualvit.SemanticPathway(8, 2, 0.0, 1.0)
    z, pixels = torch.randn(2, 4, 8), torch.randn(2, 30, 8)
    assert pathway(z, pixels).shape == z.shape
    assert not torch.equal(pathway(z, pixels), pathway(z, pixels + torch.randn(8)))
    # The order of the pixels does not matter to attention.
    torch.testing.assert_close(pathway(z, pixels.flip(1)), pathway(z, pixels))


def test_the_last_block_has_no_semantic_ffn():
    block = merge_block(1.0, semantic_ffn=False)
    assert not any('semantic' in name for name in block.state_dict())
    block.layer_scale_1.weight.data.zero_()
    z = torch.randn(2, 4, 8)
    assert torch.equal(block(torch.randn(2, 5, 6, 8), z)[1], z)


def test_a_stage_of_dualvit_norms_both_pathways():
    embeds = dualvit.PatchEmbed(4, 8), nn.Linear(4, 8)
    stage = dualvit.Stage(embeds, [dual_block(1.0)], (dualvit.block_norm(8), dualvit.block_norm(8)), False)
    x, z = torch.randn(2, 9, 12, 4), torch.randn(2, 3, 4)
    outs, tokens = stage(x, z), stage.tokens(x, z)
    assert [out.shape for out in outs] == [(2, 5, 6, 8), (2, 3, 8)]
    for out, token in zip(outs, tokens, strict=True):
        torch.testing.assert_close(out, nn.functional.layer_norm(token, (8,), eps=1e-6))


def test_the_stem_of_dualvit_makes_tokens_of_its_pixels():
    stem = dualvit.Stem(dualvit.PixelStem(3, 4, 8, BN), dualvit.SemanticStem(8, (2, 3))).eval()
    image = torch.randn(2, 3, 64, 64)
    x, z = stem(image)
    assert torch.equal(x, stem.pixels(image))
    assert torch.equal(z, stem.semantics(x))


def test_helpers_of_dualvit():
    assert dualvit.block_norm(8).eps == 1e-6
    mlp = dualvit.build_semantic_mlp(8)
    assert [tuple(layer.weight.shape) for layer in mlp if isinstance(layer, nn.Linear)] == [(16, 8), (8, 16)]
    assert sum(isinstance(layer, nn.GELU) for layer in mlp) == 1


def test_attention_of_the_released_networks():
    *steps, last = transcnn.two_step((8, 7, 6), (4, 2, 1))
    assert [(step['grid_size'], step['pool_ratio']) for step in steps] == [(8, 4), (7, 2), (6, 1)]
    assert {step['type'] for step in steps} == {'HierarchicalSelfAttention2d'}
    assert last == ATTENTION
    with pytest.raises(ValueError, match='zip'):
        transcnn.two_step((8, 7, 6), (4, 2))


@pytest.mark.parametrize(('network', 'kind'), [(TransCNN, TwoBranchDownsampling), (HATNet, hatnet.Downsampling)])
def test_downsampling_of_a_family(network, kind):
    layer = network('tiny').build_downsample(8, 16)
    assert type(layer) is kind
    assert layer(torch.randn(2, 8, 6, 8)).shape == (2, 16, 3, 4)
