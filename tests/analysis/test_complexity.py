"""Costs of whole networks against the authors' networks and the publications."""

import runpy
from pathlib import Path

import pytest
import torch

from mmbackbones.analysis.complexity import build_network, build_release, cost
from mmbackbones.analysis.counting import multiply_adds, saved_bytes
from mmbackbones.backbones import VAN
from mmbackbones.errors import UserError
from mmbackbones.weights import RELEASES

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ('name', 'parameters', 'products'),
    [
        ('van-b0', 4_105_800, 864_224_000),
        ('van-b2', 26_578_472, 4_992_773_120),
        ('dualvit-s', 25_054_000, 5_377_443_904),
    ],
)
def test_equals_the_authors_classifiers(name, parameters, products):
    model, size = build_network(name)
    assert sum(param.numel() for param in model.parameters()) == parameters
    assert multiply_adds(model.eval(), (1, 3, *size)) == pytest.approx(products, rel=1e-3)


def test_classes_of_imagenet_22k_are_not_guessed():
    assert type(build_release('van-b4-22k')).__name__ == RELEASES['van-b4-22k'].family == 'VAN'


RESNET = "_delete_=True, type='mmdet.ResNet', depth=18, out_indices=(1, 2, 3), "


@pytest.mark.parametrize(
    ('config', 'backbone', 'neck', 'stem'),
    [
        ('retinanet_van_t_demo', '', '', 32),
        ('semantic_fpn_van_t', '', '', 32),
        ('retinanet_van_t_demo', RESNET, 'in_channels=[128, 256, 512]', 64),
    ],
    ids=['detector', 'segmentor', "MMDetection's own backbone"],
)
def test_images_of_other_than_three_channels(config, backbone, neck, stem, tmp_path):
    parameters = {}
    for channels in (1, 3, 4):
        path = tmp_path / f'{channels}.py'
        path.write_text(
            f'_base_ = {str(ROOT / "configs" / f"{config}.py")!r}\n'
            f'model = dict(backbone=dict({backbone}in_channels={channels}), neck=dict({neck}))'
        )
        parameters[channels] = cost(str(path), (64, 64)).parameters
    assert [parameters[channels] - parameters[3] for channels in (1, 4)] == [-2 * stem * 7 * 7, stem * 7 * 7]


def test_memory_is_that_of_one_image():
    model, image = VAN('b0').train(), torch.zeros(1, 3, 64, 96)
    assert cost('VAN:b0', (64, 96)).saved_bytes == pytest.approx(saved_bytes(model, image), rel=0.01)


def test_memory_where_no_single_image_can_be_normalised():
    assert cost('upernet_van_t_demo', (32, 32)).saved_bytes > 0


@pytest.mark.parametrize(
    ('name', 'size', 'message'),
    [
        ('retinanet_van_b7', None, "'retinanet_van_b7' is no config .*, no backbone .* and no released checkpoint"),
        ('VAN', None, "'VAN' is no config"),
        ('LocalAttention:base', None, "'LocalAttention:base' is no config"),
        ('VAN:b7', None, "VAN has no arch 'b7'; there are tiny, t, b0"),
        ('SASAResNet:34', None, "SASAResNet has no depth '34'; there are 26, 38, 50"),
        ('VAN:b0', (16, 64), r'VAN:b0 cannot be counted for images of 16x64: VAN takes'),
        ('VAN:b0', (1 << 40, 1 << 40), 'VAN:b0 cannot be counted for images of'),
    ],
)
def test_wrong_names_and_sizes(name, size, message):
    with pytest.raises(UserError, match=message):
        cost(name, size)


def test_configs_that_are_none(tmp_path):
    (tmp_path / 'broken.py').write_text('model = dict(')
    (tmp_path / 'other.py').write_text("model = dict(type='NoSuchDetector')")
    for name, message in (('broken.py', 'cannot be read'), ('other.py', 'the model of .* cannot be built')):
        with pytest.raises(UserError, match=message):
            cost(str(tmp_path / name))


def test_command_line(monkeypatch, capsys):
    def get_flops(*arguments):
        monkeypatch.setattr('sys.argv', ['get_flops.py', *arguments])
        runpy.run_path(str(ROOT / 'tools' / 'get_flops.py'), run_name='__main__')

    get_flops('VAN:b0', '--shape', '64', '96')
    assert 'multiply-adds            0.11 G' in capsys.readouterr().out
    for arguments, said in (
        (['VAN:b0', '--shape', '64', '0'], 'must be a whole number of at least 1'),
        (['nothing'], "error: 'nothing' is no config"),
    ):
        with pytest.raises(SystemExit, match='2'):
            get_flops(*arguments)
        assert said in capsys.readouterr().err
