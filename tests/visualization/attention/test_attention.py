"""Maps over the image, receptive fields, feature maps as pictures, and the panel."""

from itertools import combinations

import cv2
import numpy as np
import pytest
import torch

from mmbackbones.visualization.attention import attention_of
from mmbackbones.visualization.attention.features import principal_components
from mmbackbones.visualization.attention.kinds import KINDS
from mmbackbones.visualization.attention.over_image import lay_over
from mmbackbones.visualization.attention.panel import _Panel
from tests.helpers.small_backbones import SMALL, build_small

FAMILIES = sorted(SMALL)


def look(name, size=(61, 83), seen=None, point=(40, 30), scale=1, **options):
    """What a small network attends to in noise, which it sees at `size`, with padding beyond `seen`."""
    torch.manual_seed(0)
    network = build_small(name, **options)
    image = np.random.default_rng(0).integers(0, 255, (*(seen or size), 3), np.uint8)
    batch = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 60 - 2
    height, width = size
    batch = torch.nn.functional.pad(batch, (0, width - image.shape[1], 0, height - image.shape[0]))
    large = cv2.resize(image, None, fx=scale, fy=scale) if scale != 1 else image
    return network, batch, attention_of(network, batch, seen or size, large, point)


@pytest.mark.parametrize('name', FAMILIES)
def test_maps(name):
    network, _, found = look(name, size=(64, 96), seen=(61, 83), point=(77, 22), scale=2)
    assert found.backbone == name
    assert [m.stage for m in found.maps if m.kind == 'features'] == [1, 2, 3, 4]
    layers = dict(network.named_modules())
    for m in found.maps:
        assert m.map.shape == (61, 83)
        assert m.map.dtype == np.float32
        assert m.kind in KINDS
        if m.layer is not None:
            assert m.layer in layers
        if m.kind in ('grid', 'window'):  # around the point, in pixels that the network sees
            left, top, right, bottom = m.box
            assert left <= 38 <= right
            assert top <= 11 <= bottom
            row, column = m.map.nonzero()
            assert row.min() >= max(top, 0)
            assert column.max() < right
        if KINDS[m.kind].of_point:
            elsewhere = 0 if m.elsewhere is None else m.elsewhere
            np.testing.assert_allclose(m.values.sum((1, 2)) + elsewhere, 1, rtol=1e-5)
            assert 0 < m.share < 1.00001
    assert all(colors.shape == (61, 83, 3) for colors in found.components)


def test_a_pixel_has_the_value_of_its_token():
    _, _, found = look('HATNet', size=(64, 96), seen=(61, 83))
    last = next(m for m in found.maps if m.stage == 4 and m.kind == 'global')
    assert last.values.shape[1:] == (2, 3)
    mean = last.values.mean(0)
    assert last.map[0, 0] == mean[0, 0]
    assert last.map[31, 31] == mean[0, 0]
    assert last.map[31, 32] == mean[0, 1]
    assert last.map[60, 82] == mean[1, 2]
    assert last.share == pytest.approx(1)
    values = np.arange(6, dtype=np.float32).reshape(2, 3) + 1
    np.testing.assert_array_equal(lay_over(values, -2, 1, (2, 1), (2, 5)), [[0, 4, 5, 6, 0]] * 2)


def test_weight_on_padding_is_no_part_of_the_share():
    _, _, found = look('HATNet', size=(64, 128), seen=(32, 64), point=(3, 3))
    last = next(m for m in found.maps if m.stage == 4 and m.kind == 'global')
    assert last.share == pytest.approx(float(last.values[:, 0, :2].sum(1).mean()))
    assert last.share < 0.9


@pytest.mark.parametrize('name', FAMILIES)
def test_the_network_is_left_as_it_was(name):
    network, batch, found = look(name, point=(1, 1))
    assert network.training
    assert not any(module._forward_pre_hooks for module in network.modules())
    assert not any(getattr(stage, 'with_cp', False) for stage in network.stages)
    assert all(parameter.grad is None for parameter in network.parameters())
    with torch.no_grad():
        outs = network.eval()(batch)
    for m, features in zip((m for m in found.maps if m.kind == 'features'), outs, strict=True):
        np.testing.assert_allclose(m.values[0], features[0].abs().mean(0), rtol=1e-6)


def test_stages_that_are_not_returned_are_shown_if_they_are_there():
    _, _, found = look('VAN', out_indices=(2,))
    assert {m.stage for m in found.maps} == {1, 2, 3}
    _, _, found = look('SASAResNet', attention_stages=(3,))
    assert [(m.stage, m.kind) for m in found.maps if m.kind != 'features'] == [(4, 'window')]


def test_receptive_field():
    """Against the gradient of the whole network's result; and nothing beyond the reach of the first stage."""
    network, batch, found = look('VAN', size=(64, 128), point=(9, 20))
    network.eval()
    fields = {m.stage: m.values[0] for m in found.maps if m.kind == 'receptive-field'}
    image = batch.clone().requires_grad_()
    for stage, features in enumerate(network(image), 1):
        stride = 4 * 2 ** (stage - 1)
        scalar = features[0, :, 20 // stride, 9 // stride].abs().mean()
        gradient = torch.autograd.grad(scalar, image, retain_graph=True)[0][0].abs().sum(0)
        expected = gradient.unflatten(0, (-1, 4)).unflatten(2, (-1, 4)).sum((1, 3))
        np.testing.assert_allclose(fields[stage], expected / expected.sum(), rtol=1e-3, atol=1e-7)
    # The stem reaches 3 pixels, LKA 2 + 9 tokens, the 3x3 convolution 1, of 4 pixels each.
    assert not fields[1][:, (9 // 4 * 4 + 12 * 4 + 4) // 4 + 1 :].any()
    assert fields[4].all()


def test_principal_components():
    features = np.zeros((5, 4, 6), np.float32)
    features[1, :, 3:] = 2  # two kinds of tokens, along one direction
    features[0, 2:] = 1
    features[:, :, 5] = 100  # padding
    colors = principal_components(features, 4, 5)
    assert len(np.unique(colors[:, :5].reshape(-1, 3).round(4), axis=0)) == 4
    np.testing.assert_allclose(colors[0, 0], colors[1, 2])
    assert abs(colors[0, 0, 0] - colors[0, 4, 0]) > 0.9
    np.testing.assert_array_equal(principal_components(features, 4, 5), colors)
    assert np.isfinite(principal_components(np.ones((2, 1, 1), np.float32), 1, 1)).all()


@pytest.mark.parametrize(
    ('name', 'size', 'options'),
    [
        ('VAN', (64, 80), {}),
        ('VAN', (64, 200), dict(out_indices=(0,))),
        ('HATNet', (200, 64), {}),
        ('TransCNN', (64, 80), {}),
        ('SASAResNet', (40, 300), dict(stem='attention')),
        ('DualViT', (300, 40), {}),
    ],
    ids=str,
)
def test_texts_of_the_panel_stand_apart(name, size, options):
    *_, found = look(name, size, point=(31, 20), **options)
    panel = _Panel(found)
    pixels = panel.drawn()
    figure = panel._figure
    boxes = [text.get_window_extent() for text in figure.texts]
    pictures = [axes.get_window_extent() for axes in figure.axes]
    height, width = pixels.shape[:2]
    for box in (*boxes, *pictures):
        assert 0 <= box.x0 <= box.x1 <= width
        assert 0 <= box.y0 <= box.y1 <= height
    for one, other in combinations([*boxes, *pictures], 2):
        assert not one.shrunk(0.98, 0.98).overlaps(other), (one, other)
    texts = ' '.join(text.get_text().replace('\n', ' ') for text in figure.texts)
    for m in found.maps:
        assert KINDS[m.kind].title in texts
        assert KINDS[m.kind].meaning in texts


def test_the_panel_shows_the_point():
    network, batch, found = look('SASAResNet', (64, 80))
    other = attention_of(network, batch, (64, 80), found.image, (8, 50))
    assert not np.array_equal(found.panel(), other.panel())
    gray = np.full((64, 80, 3), 128, np.uint8)
    marked = attention_of(network, batch, (64, 80), gray, (8, 50)).picture(found.maps[0])
    assert marked.shape == (64, 80, 3)
    around = marked[45:56, 3:14].min(2)
    assert around.max() > 200
    assert around.min() < 20
    assert marked[:, 20:].min(2).max() < 200
