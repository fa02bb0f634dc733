"""The verb ``attention``, from checkpoints to files, and what it refuses."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.registry import MODELS

import mmbackbones as mmb
from mmbackbones.errors import UserError
from tests.helpers.carried_configs import content, detector, save, segmentor
from tests.helpers.small_backbones import SMALL

pytestmark = pytest.mark.slow


@pytest.fixture(scope='module')
def detector_file(tmp_path_factory) -> str:
    return save(tmp_path_factory.mktemp('attention') / 'boxes.pth', config=detector())


@pytest.fixture(scope='module')
def photo(tmp_path_factory) -> Path:
    """A photograph of 90 x 70 pixels, which is seen as 83 x 64 or so."""
    path = tmp_path_factory.mktemp('attention') / 'a $b {{c}}.png'
    cv2.imwrite(str(path), np.random.default_rng(0).integers(0, 255, (70, 90, 3), np.uint8))
    return path


def test_command(tool, detector_file, photo, tmp_path):
    out = tmp_path / 'seen $x$'
    code, text, errors = tool('attention', detector_file, photo, '--out', out, '--device', 'cpu')
    assert (code, errors) == (0, '')
    assert 'the center of the image, (45, 35)' in text
    kinds = ('features', 'components', 'gate', 'receptive-field')
    names = {f'stage{stage}_{kind}.png' for stage in (1, 2, 3, 4) for kind in kinds}
    assert {path.name for path in out.iterdir()} == names | {'panel.png', 'attention.npz'}
    assert cv2.imread(str(out / 'stage3_gate.png')).shape == (70, 90, 3)
    height, width = cv2.imread(str(out / 'panel.png')).shape[:2]
    assert height > 600
    assert width > 600
    with np.load(out / 'attention.npz') as arrays:
        assert set(arrays) == {
            'image',
            'point',
            *(f'stage{stage}_{kind}' for stage in (1, 2, 3, 4) for kind in ('features', 'components')),
            *(
                f'stage{stage}_{kind}{part}'
                for stage in (1, 2, 3, 4)
                for kind in ('gate', 'receptive_field')
                for part in ('', '_values', '_box')
            ),
        }
        assert arrays['image'].shape == (70, 90, 3)
        assert arrays['point'].tolist() == [45, 35]
        assert arrays['stage1_gate'].shape == (64, 82)
        assert arrays['stage1_gate_values'].shape == (8, 16, 24)  # of what it is padded to, 64 x 96
        np.testing.assert_allclose(arrays['stage4_receptive_field_values'].sum(), 1, rtol=1e-5)
    assert tool('attention', detector_file, photo, '--out', out, '--point', 3, 60)[1].count('\n') == 1


def test_features_are_those_of_a_prediction(detector_file, photo):
    model = mmb.load(detector_file, device='cpu')
    image = cv2.imread(str(photo))[..., ::-1].copy()
    found = mmb.attend(model, image, (89, 69))
    seen = []
    model.network.backbone.register_forward_hook(lambda layer, args, outs: seen.append(outs))
    list(model.predict(image))
    for stage, features in zip((3, 4), seen[0], strict=True):
        (own,) = (m for m in found.maps if m.kind == 'features' and m.stage == stage)
        np.testing.assert_allclose(own.values[0], features[0].abs().mean(0), rtol=1e-6)
    assert found.seen == (64, 82)
    assert found.point == (89, 69)
    assert 'panel' in dir(found)


def test_segmentor(tmp_path, photo):
    checkpoint = save(tmp_path / 'parts.pth', config=segmentor())
    result = mmb.attention(checkpoint, photo, (0.5, 69.5), tmp_path / 'out', device='cpu')
    assert result.files[0].name == 'panel.png'
    assert result.found.maps
    assert not result.random


def test_backbones_by_themselves(tool, tmp_path, monkeypatch, photo):
    network = MODELS.get('VAN')
    monkeypatch.setattr(network, 'arch_zoo', {**network.arch_zoo, 'b0': SMALL['VAN']['arch']})
    torch.manual_seed(0)
    torch.save({'state_dict': network('b0').state_dict()}, tmp_path / 'alone.pth')
    by_name = mmb.attention(str(tmp_path / 'alone.pth'), photo, out=tmp_path / 'out', device='cpu')
    assert not by_name.random
    assert by_name.found.seen == (70, 90)  # an image that fits is not resized
    monkeypatch.setattr('mmbackbones.apis.export_source.RELEASES', {})
    code, text, _ = tool('attention', 'van-b0', photo, '--out', tmp_path / 'out', '--device', 'cpu')
    assert code == 0
    assert 'random weights' in text


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (dict(point=(90, 0)), 'the point (90, 0) is outside of the image, which is 90 pixels wide and 70 high: give X'),
        (dict(point=(0, -1)), 'Y from 0 to 69'),
        (dict(point=(1,)), 'must be two numbers'),
        (dict(point=(1, float('nan'))), 'must be two numbers'),
        (dict(point='12'), 'must be two numbers'),
        (dict(checkpoint='model.onnx'), 'model.onnx is an exported file, which has no layers to look into: give the'),
        (dict(checkpoint='no_such.pth'), 'no_such.pth'),
        (dict(image='film.mp4'), 'there is no such file'),
        (dict(image=0), 'attention looks at one image'),
        (dict(image=['a.jpg', 'b.jpg']), 'attention looks at one image'),
        (dict(image='.'), 'got the folder .'),
        (dict(image='*.py'), 'no image or video matches'),
        (dict(image=np.zeros((5, 5), np.float32)), 'uint8'),
        (dict(out=''), 'out must be a folder'),
        (dict(device='tpu'), "no device 'tpu'"),
    ],
    ids=lambda value: str(value)[:40],
)
def test_refused(detector_file, photo, arguments, message, monkeypatch):
    monkeypatch.chdir(Path(__file__).parent)
    with pytest.raises(UserError) as refused:
        mmb.attention(**{'checkpoint': detector_file, 'image': photo, 'out': 'never', **arguments})
    assert message in str(refused.value)
    assert not Path('never').exists()


def test_refused_files(tool, tmp_path, detector_file, photo):
    (tmp_path / 'film.mp4').write_bytes(b'')
    (tmp_path / 'broken.jpg').write_bytes(b'no image')
    other = detector()
    other['model']['backbone'] = dict(type='ResNet', depth=18, out_indices=(2, 3))
    other['model']['neck']['in_channels'] = [256, 512]
    torch.save(content(other), tmp_path / 'resnet.pth')
    for checkpoint, image, message in (
        (detector_file, tmp_path / 'film.mp4', 'attention looks at one image'),
        (detector_file, tmp_path / 'broken.jpg', 'broken.jpg'),
        (tmp_path / 'resnet.pth', photo, 'has the backbone ResNet: attention is shown in checkpoints with one of'),
    ):
        code, _, errors = tool('attention', checkpoint, image, '--out', tmp_path / 'never', '--device', 'cpu')
        assert code == 2
        assert message in errors
        assert errors.count('\n') == 1
    assert not (tmp_path / 'never').exists()
