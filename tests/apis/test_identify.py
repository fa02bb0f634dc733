"""What a checkpoint says of its model and its training run; test_convert.py has the layouts."""

import pytest
import torch

from mmbackbones.apis import create_backbone, identify
from mmbackbones.apis.trained_model import read_trained_model
from mmbackbones.weights import RELEASES, load_from_file
from tests.helpers.small_backbones import name_small_arch

CONFIG = """
default_scope = 'mmdet'
model = dict(
    type='RetinaNet',
    backbone=dict(type='VAN', arch='t', out_indices=(0, )),
    data_preprocessor=dict(mean=[123.675, 116.28, 103.53], std=[58.395, 57.12, 57.375], bgr_to_rgb=True))
test_dataloader = dict(dataset=dict(dataset=dict(pipeline=[
    dict(type='LoadImageFromFile'), dict(type='Resize', scale=(640, 480), keep_ratio=True)])))
train_dataloader = dict(dataset=dict(data_root='data/coco/'))
"""


def trained(**meta) -> dict:
    """A checkpoint of a detector."""
    with torch.random.fork_rng():
        network = create_backbone('van-t', out_indices=(0,))
    state = {f'backbone.{key}': value for key, value in network.state_dict().items()}
    return dict(state_dict={**state, 'neck.weight': torch.zeros(1)}, meta=meta)


@pytest.fixture(scope='module')
def detector(tmp_path_factory):
    """A file of one."""
    path = tmp_path_factory.mktemp('detector') / 'epoch_3.pth'
    settings = dict(data='/home/ann/photos')
    position = dict(epoch=3, iter=60, by_epoch=True)
    torch.save(trained(cfg=CONFIG, **position, settings=settings, dataset_meta=dict(classes=('cat', 'dog'))), path)
    return path


def test_a_whole_model(detector):
    info = identify(detector)
    assert str(info) == 'VAN tiny in the layout of mmbackbones, whole model, 2 classes'
    model = info.trained
    assert (model.task, model.model, model.classes, model.img_scale) == (
        'detector',
        'RetinaNet',
        ('cat', 'dog'),
        (640, 480),
    )
    assert (model.mean, model.std, model.channel_order) == ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), 'RGB')
    assert (model.data, model.epoch, model.iter) == ('/home/ann/photos', 3, 60)
    assert info.lines == [
        f'{detector}: {info}',
        'model: detector RetinaNet',
        'classes (2): cat, dog',
        'images: resized to fit into 640x480 pixels; RGB, mean (123.675, 116.28, 103.53), standard deviation '
        '(58.395, 57.12, 57.375), of 0 to 255',
        'trained on: /home/ann/photos',
        'trained to: epoch 3, iteration 60',
        f"in a config: backbone={{'type': 'VAN', 'arch': 'tiny', 'init_cfg': {{'type': 'Pretrained', 'checkpoint': "
        f"'{detector}', 'prefix': 'backbone.'}}}}",
        f"in Python: mmbackbones.create_backbone('van-b0', pretrained='{detector}')",
        f'the whole model: mmbackbones predict {detector} SOURCE',
    ]


def test_both_ways_to_use_it_work(detector):
    info = identify(detector)
    state = load_from_file(detector)['state_dict']
    for network in (
        create_backbone('van-b0', pretrained=detector, out_indices=(0,)),
        create_backbone('van-t', out_indices=(0,), init_cfg=info.pretrained_config['init_cfg']),
    ):
        assert all(torch.equal(value, state[f'backbone.{key}']) for key, value in network.state_dict().items())


def test_a_backbone_alone(tmp_path):
    torch.save(create_backbone('van-b0', out_indices=(0,)).state_dict(), tmp_path / 'van.pth')
    info = identify(tmp_path / 'van.pth')
    assert info.trained is None
    assert info.lines[1:] == [
        f"in a config: backbone={{'type': 'VAN', 'arch': 'tiny', 'init_cfg': {{'type': 'Pretrained', 'checkpoint': "
        f"'{tmp_path}/van.pth'}}}}",
        f"in Python: mmbackbones.create_backbone('van-b0', pretrained='{tmp_path}/van.pth')",
    ]


@pytest.mark.parametrize(
    'meta',
    [
        dict(),
        dict(cfg='model = 1', epoch='3', iter=-1, settings=[1]),
        dict(cfg="model = dict(type=['a'], decode_head=3, data_preprocessor=dict(mean='x', std=[1e999, {}]))"),
        dict(cfg='test_dataloader = dict(dataset=dict(pipeline=[1, dict(scale=(640, "480"))]))'),
        dict(cfg='open("PWNED", "w")', settings=dict(data=3), dataset_meta=dict(classes=7)),
        'no dict',
    ],
)
def test_what_makes_no_sense_is_left_out(meta, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_trained_model(dict(meta=meta)).lines == []
    assert not (tmp_path / 'PWNED').exists()


def test_names_are_printable_and_short():
    classes = ('\x1b[2Jred', 'x' * 100_000, *map(str, range(20)))
    meta = dict(settings=dict(data='/data\n'), dataset_meta=dict(classes=classes))
    names, data = read_trained_model(dict(meta=meta)).lines
    assert names.startswith(r'classes (22): \x1b[2Jred, xxx')
    assert names.endswith(', 7 and 12 more')
    assert len(names) < 500
    assert data == r'trained on: /data\n'


def test_a_segmentor_is_called_by_its_head():
    cfg = "default_scope = 'mmseg'\nmodel = dict(type='EncoderDecoder', decode_head=dict(type='UPerHead'))"
    model = read_trained_model(dict(meta=dict(cfg=cfg, epoch=0, iter=400, by_epoch=False)))
    assert model.lines == ['model: segmentor UPerHead', 'trained to: iteration 400']


def test_a_release(tmp_path, monkeypatch):
    name_small_arch(monkeypatch, 'DualViT')
    monkeypatch.setenv('TORCH_HOME', str(tmp_path))
    (tmp_path / 'hub/checkpoints').mkdir(parents=True)
    torch.save(create_backbone('dualvit-small').state_dict(), tmp_path / 'hub/checkpoints/dualvit_s.pth')
    _, data, images, license, *usage = identify('dualvit-s').lines
    release = RELEASES['dualvit-s']
    assert data == f'trained on: ImageNet-1K, {release.top1} % top-1 on ImageNet-1K as published'
    assert images.startswith('images: RGB, mean (123.675, ')
    assert license == f'license: {release.license or "the authors state none"}'
    assert usage[1] == "in Python: mmbackbones.create_backbone('dualvit-small', pretrained='dualvit-s')"
