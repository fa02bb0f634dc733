"""Images of all kinds, broken ones among them: each is predicted as training would see it, or named at the end."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmbackbones.apis import load
from tests.helpers.videos import write_video

_TKHD_MATRIX = 44  # bytes from the name of the header of a track to its matrix
_TURNED_RIGHT = struct.pack('>9i', 0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30)
KINDS = 9


@pytest.fixture(scope='module')
def model(detector_file):
    return load(detector_file, device='cpu')


def write_kinds(folder: Path, pixels: np.ndarray, number: int) -> list[Path]:
    """The same image in each kind of file that training reads."""
    image = Image.fromarray(pixels)
    turned = Image.Exif()
    turned[0x0112] = 6
    kinds = {
        'turned.jpg': lambda path: image.save(path, exif=turned),
        'cmyk.jpg': lambda path: image.convert('CMYK').save(path),
        'gray.png': lambda path: image.convert('L').save(path),
        'rgba.png': lambda path: image.convert('RGBA').save(path),
        'palette.png': lambda path: image.quantize(16).save(path),
        'deep.png': lambda path: cv2.imwrite(str(path), pixels.astype(np.uint16) * 257),
        'animated.webp': lambda path: image.save(path, save_all=True, append_images=[image.rotate(180)], lossless=True),
        'plain.bmp': lambda path: image.save(path),
        'plain.tif': lambda path: image.save(path),
    }
    paths = []
    for name, write in kinds.items():
        paths.append(folder / f'{number}_{name}')
        write(paths[-1])
    return paths


def write_broken(folder: Path, pixels: np.ndarray) -> list[Path]:
    """Five files that cannot be read."""
    whole = cv2.imencode('.jpg', pixels)[1].tobytes()
    paths = [folder / name for name in ('cut.jpg', 'empty.png', 'link.jpg', 'pipe.png', 'text.jpg')]
    paths[0].write_bytes(whole[: len(whole) // 2])
    paths[1].touch()
    paths[2].symlink_to('/dev/zero')
    os.mkfifo(paths[3])
    paths[4].write_text('no image')
    return paths


@pytest.mark.slow
def test_fifty_images_with_five_broken_ones(tool, detector_file, picture, tmp_path):
    photos = tmp_path / 'photos'
    photos.mkdir()
    for number in range(5):
        write_kinds(photos, picture[: 60 + number], number)
    broken = write_broken(photos, picture)
    code, out, err = tool('predict', detector_file, photos, '--out', tmp_path / 'out', '--device', 'cpu')
    assert code == 1
    assert out.startswith('45 images, ')
    assert str(tmp_path / 'out') in out
    lines = err.strip().splitlines()
    assert [line.split(': ')[0] for line in lines] == [str(path) for path in sorted(broken)]
    assert len(list((tmp_path / 'out' / 'drawn').iterdir())) == 45


def test_images_are_read_as_in_training(model, picture, tmp_path):
    for path in write_kinds(tmp_path, picture, 0):
        (found,) = model.predict(path, score_thr=0)
        seen = cv2.imread(str(path), cv2.IMREAD_COLOR)[..., ::-1]
        assert np.array_equal(found.image, seen), path.name
        (of_array,) = model.predict(seen, score_thr=0)
        assert np.array_equal(found.boxes, of_array.boxes), path.name
        if 'turned' in path.name:
            assert found.image.shape == (90, 70, 3)


def test_an_image_is_read_again_later(model, picture, tmp_path):
    path = tmp_path / 'a.png'
    cv2.imwrite(str(path), picture[..., ::-1])
    (found,) = list(model.predict(path))
    assert np.array_equal(found.image, picture)
    assert repr(found).startswith(f'<Prediction for {path}: ')


def test_predictions_say_how_they_are_used(model, picture):
    found = model.predict([picture, picture])
    assert repr(found) == '<Predictions of 2 images, to be computed in a loop>'
    with pytest.raises(TypeError, match=r'first = next\(found\)'):
        found[0]


def test_reasons(model, picture, tmp_path):
    broken = write_broken(tmp_path, picture)
    good = tmp_path / 'z.png'
    cv2.imwrite(str(good), picture)
    found = model.predict(tmp_path, batch_size=2)
    assert [prediction.source for prediction in found] == [str(good)]
    assert [name for name, _ in found.failures] == [str(path) for path in broken]
    cut, empty, link, pipe, text = [reason for _, reason in found.failures]
    assert 'truncated' in cut
    assert empty == 'the file is empty'
    assert link == pipe == 'it is not a regular file'
    assert text == 'it is not an image file of a known format'


def test_videos(model, tmp_path):
    path = write_video(tmp_path / 'film.mp4', frames=5)
    found = model.predict(path, batch_size=2, score_thr=0)
    assert found.total == 5
    assert [prediction.frame for prediction in found] == list(range(5))
    content = path.read_bytes()
    matrix = content.index(b'tkhd') + _TKHD_MATRIX
    (tmp_path / 'turned.mp4').write_bytes(content[:matrix] + _TURNED_RIGHT + content[matrix + len(_TURNED_RIGHT) :])
    upright, turned = next(model.predict(path)).image, next(model.predict(tmp_path / 'turned.mp4')).image
    assert np.array_equal(turned, np.rot90(upright, -1))


def test_videos_that_are_none(model, tmp_path):
    (tmp_path / 'text.mp4').write_text('#EXTM3U\n#EXTINF:10,\n/etc/passwd\n')
    os.mkfifo(tmp_path / 'pipe.mp4')
    found = model.predict(tmp_path)
    assert list(found) == []
    assert [reason[:28] for _, reason in found.failures] == ['it is not a regular file', 'it is not a video of a known']
