"""The verb ``predict``: files, exit codes, memory."""

import json
from pathlib import Path
from signal import SIGINT, SIGTERM, raise_signal

import cv2
import numpy as np
import pytest

from mmbackbones.apis import load, predict
from mmbackbones.errors import UserError
from mmbackbones.prediction.writers import PredictionFolder
from tests.helpers.videos import write_video

pytestmark = pytest.mark.slow


@pytest.fixture
def photos(tmp_path, picture) -> Path:
    folder = tmp_path / 'photos'
    folder.mkdir()
    for number in (10, 2):
        cv2.imwrite(str(folder / f'{number}.png'), picture[:, : 60 + number])
    return folder


def test_out_inside_the_source(tool, detector_file, photos):
    """The second run does not predict on the pictures of the first."""
    for _ in range(2):
        code, out, err = tool('predict', detector_file, photos, photos / '2.png', '--out', photos, '--device', 'cpu')
        assert (code, err) == (0, '')
        assert out.startswith('2 images, ')
    content = json.loads((photos / 'predictions.json').read_text())
    assert [image['file_name'] for image in content['images']] == [str(photos / '2.png'), str(photos / '10.png')]


def test_frames_are_counted_as_frames(tool, detector_file, photos, tmp_path):
    film = write_video(tmp_path / 'film.mp4', frames=3)
    options = ['--out', tmp_path / 'out', '--device', 'cpu', '--no-draw']
    assert tool('predict', detector_file, film, *options)[1].startswith('3 frames, ')
    assert tool('predict', detector_file, photos, film, *options)[1].startswith('2 images and 3 frames, ')


def test_bad_input(tool, detector_file, photos, tmp_path):
    (tmp_path / 'file').touch()
    for arguments, message in (
        (['gone.jpg'], 'gone.jpg: there is no such file or folder'),
        ([photos, '--out', tmp_path / 'file'], '--out: cannot write to'),
        ([photos, '--tile', 64, 64, '--tta'], '--tile and --tta do not go together'),
        ([photos, '--device', 'cuda:77'], "there is no device 'cuda:77'"),
        ([photos, '--score-thr', 2], 'must be a number from 0 to 1'),
    ):
        code, _, err = tool('predict', detector_file, *arguments)
        assert code == 2
        assert message in err
    with pytest.raises(UserError, match='an array has no name to write files under'):
        predict(detector_file, np.zeros((40, 40, 3), np.uint8), tmp_path / 'out')


@pytest.mark.parametrize(('number', 'code'), [(SIGINT, 130), (SIGTERM, 143)])
def test_a_signal_keeps_what_was_written(tool, detector_file, photos, tmp_path, monkeypatch, number, code):
    write = PredictionFolder.write

    def interrupted(self, prediction):
        if prediction.source.endswith('10.png'):
            raise_signal(number)
        write(self, prediction)

    monkeypatch.setattr(PredictionFolder, 'write', interrupted)
    assert tool('predict', detector_file, photos, '--out', tmp_path / 'out', '--device', 'cpu')[0] == code
    assert not list((tmp_path / 'out').glob('*.partial'))
    assert len(json.loads((tmp_path / 'out' / 'predictions.json').read_text())['images']) == 1


def test_the_gpu_has_not_enough_memory(tool, detector_file, photos, tmp_path, monkeypatch):
    def fail(*_):
        import torch

        raise torch.cuda.OutOfMemoryError('CUDA out of memory')

    monkeypatch.setattr('mmdet.models.RetinaNet.test_step', fail)
    code, _, err = tool('predict', detector_file, photos, '--out', tmp_path / 'out', '--batch-size', 2)
    assert code == 1
    assert err.startswith('error: the GPU has not enough memory for 2 images at once: give a smaller --batch-size')


def test_an_image_that_the_network_cannot_take(detector_file, photos, monkeypatch):
    model = load(detector_file, device='cpu')
    test_step = type(model.network).test_step

    def fail(self, data):
        if any(sample.img_path.endswith('10.png') for sample in data['data_samples']):
            raise ValueError('it is too wide')
        return test_step(self, data)

    monkeypatch.setattr(type(model.network), 'test_step', fail)
    found = model.predict(photos, batch_size=2)
    assert [Path(prediction.source).name for prediction in found] == ['2.png']
    assert found.failures == [(str(photos / '10.png'), 'it is too wide')]


def test_memory_does_not_grow_with_the_length_of_a_video(detector_file, tmp_path):
    path = write_video(tmp_path / 'film.mp4', frames=120, size=(320, 240))
    resident = []
    for _ in load(detector_file, device='cpu').predict(path):
        status = Path('/proc/self/status').read_text()
        resident.append(int(status.partition('VmRSS:')[2].split()[0]))
    assert len(resident) == 120
    # All frames would take 27 MiB.
    assert max(resident[60:]) - resident[60] < 8 << 10
