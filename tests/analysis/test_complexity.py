"""Complexity of whole networks, against the authors' networks and the publications."""

from pathlib import Path

import pytest
import torch

from mmbackbones.analysis.complexity import build_network, build_release, measure_complexity
from mmbackbones.analysis.counting import multiply_adds, saved_bytes
from mmbackbones.backbones import VAN
from mmbackbones.errors import UserError
from mmbackbones.weights import RELEASES
from tests.helpers.as_on_gpu import AsOnGpu

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('name', 'parameters', 'macs'),
    [
        ('van-b0', 4_105_800, 864_224_000),
        ('van-b2', 26_578_472, 4_992_773_120),
        ('dualvit-s', 25_054_000, 5_377_443_904),
    ],
)
def test_equals_the_authors_classifiers(name, parameters, macs):
    model, size = build_network(name)
    assert sum(param.numel() for param in model.parameters()) == parameters
    assert multiply_adds(model.eval(), (1, 3, *size)) == pytest.approx(macs, rel=1e-3)


def test_classes_of_imagenet_22k_are_not_guessed():
    assert type(build_release('van-b4-22k')).__name__ == RELEASES['van-b4-22k'].family == 'VAN'


RESNET = "_delete_=True, type='mmdet.ResNet', depth=18, out_indices=(1, 2, 3), "


@pytest.mark.parametrize(
    ('config', 'backbone', 'neck', 'stem', 'channels'),
    [
        ('retinanet_van_t_demo', '', '', 32, 4),
        ('semantic_fpn_van_t', '', '', 32, 1),
        ('retinanet_van_t_demo', RESNET, 'in_channels=[128, 256, 512]', 64, 1),
    ],
    ids=['detector', 'segmentor', "MMDetection's own backbone"],
)
def test_images_of_other_than_three_channels(config, backbone, neck, stem, channels, tmp_path):
    parameters = {}
    for number in (3, channels):
        path = tmp_path / f'{number}.py'
        path.write_text(
            f'_base_ = {str(ROOT / "configs" / f"{config}.py")!r}\n'
            f'model = dict(backbone=dict({backbone}in_channels={number}), neck=dict({neck}))'
        )
        parameters[number] = measure_complexity(str(path), (64, 64)).parameters
    assert parameters[channels] - parameters[3] == (channels - 3) * stem * 7 * 7


def test_memory_is_that_of_one_image():
    model, image = VAN('b0').train(), torch.zeros(1, 3, 64, 96)
    with AsOnGpu():
        saved = saved_bytes(model, image)
    assert measure_complexity('VAN:b0', (64, 96)).saved_bytes == pytest.approx(saved, rel=0.06)  # buffers of kernels


def test_memory_where_norms_cannot_be_trained_on_one_image():
    """UperNet pools to 1x1, where batch norms need two images."""
    model = build_network('upernet_van_t_demo')[0].to_empty(device='cpu').train()
    with pytest.raises(ValueError, match='more than 1 value per channel'):
        model(torch.zeros(1, 3, 32, 32))
    saved = saved_bytes(model, torch.zeros(2, 3, 32, 32))
    assert measure_complexity('upernet_van_t_demo', (32, 32)).saved_bytes == saved // 2 > 1e6


@pytest.mark.parametrize(
    ('name', 'size', 'message'),
    [
        ('retinanet_van_b7', None, "'retinanet_van_b7' is not a config .*, backbone .* or released checkpoint"),
        ('VAN', None, "'VAN' is not a config"),
        ('LocalAttention:base', None, "'LocalAttention:base' is not a config"),
        ('VAN:b7', None, "VAN has no arch 'b7'; the choices are tiny, t, b0"),
        ('SASAResNet:34', None, "SASAResNet has no depth '34'; the choices are 26, 38, 50"),
        ('VAN:b0', (16, 64), r'cannot count VAN:b0 for images of 16x64: VAN takes'),
        ('VAN:b0', (1 << 40, 1 << 40), 'cannot count VAN:b0 for images of'),
    ],
)
def test_wrong_names_and_sizes(name, size, message):
    with pytest.raises(UserError, match=message):
        measure_complexity(name, size)


def test_invalid_configs(tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(')
    (tmp_path / 'other.py').write_text("model = dict(type='NoSuchDetector')")
    for name, message in (('broken.py', 'cannot be read'), ('other.py', 'the model of .* cannot be built')):
        with pytest.raises(UserError, match=message):
            measure_complexity(str(tmp_path / name))


def test_command_line(tool):
    code, out, _ = tool('flops', 'VAN:b0', '--shape', 64, 96)
    assert code == 0
    assert 'multiply-adds            0.11 G' in out
    for arguments, said in (
        (['VAN:b0', '--shape', '64', '0'], 'must be a whole number of at least 1'),
        (['nothing'], "error: 'nothing' is not a config"),
    ):
        code, _, err = tool('flops', *arguments)
        assert code == 2
        assert said in err
