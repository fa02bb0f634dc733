"""Images of all kinds, broken ones among them: each is predicted as training would see it, or named at the end."""

import os
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from mmbackbones.apis import load
from mmbackbones.errors import UserError
from mmbackbones.prediction.videos import video_frames
from tests.helpers.videos import write_video

_TKHD_MATRIX = 44  # bytes from the name of the header of a track to its matrix
_TURNS = {  # of the first pixel row and column
    (0, 1, -1, 0): lambda pixels: np.rot90(pixels, -1),
    (-1, 0, 0, -1): lambda pixels: pixels[::-1, ::-1],
    (0, -1, 1, 0): np.rot90,
    (-1, 0, 0, 1): lambda pixels: pixels[:, ::-1],
    (1, 0, 0, -1): lambda pixels: pixels[::-1],
    (0, 1, 1, 0): lambda pixels: pixels.swapaxes(0, 1),
}
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


def test_an_image_that_is_too_narrow(model, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((2000, 1, 3), np.uint8))
    found = model.predict(tmp_path)
    assert list(found) == []
    ((_, reason),) = found.failures
    assert reason.startswith('it is 1x2000 pixels: resized to fit into ')


def test_a_camera_that_is_not_there_among_images(model, picture, tmp_path):
    cv2.imwrite(str(tmp_path / 'a.png'), picture)
    found = model.predict([200, tmp_path / 'a.png'])
    assert len(list(found)) == 1
    assert found.failures == [('200', 'there is no camera 200, or another program uses it')]
    with pytest.raises(UserError, match='there is no camera 200'):
        next(model.predict(200))


def test_broken_files_make_opencv_say_nothing(model, picture, tmp_path, capfd):
    for suffix in ('.bmp', '.tif', '.jp2'):  # of PNG files, libpng tells itself
        content = cv2.imencode(suffix, picture)[1].tobytes()
        (tmp_path / f'cut{suffix}').write_bytes(content[: len(content) // 2])
    found = model.predict(tmp_path)
    assert list(found) == []
    assert len(found.failures) == 3
    assert capfd.readouterr().err == ''


def test_videos(model, tmp_path):
    path = write_video(tmp_path / 'film.mp4', frames=5)
    found = model.predict(path, batch_size=2, score_thr=0)
    assert found.total == 5
    assert [prediction.frame for prediction in found] == list(range(5))


def test_videos_are_turned_and_mirrored_as_players_show_them(tmp_path, picture):
    path = write_video(tmp_path / 'film.mp4', frames=1, picture=picture)
    upright = next(video_frames(path))
    assert np.abs(upright.mean((0, 2)) - upright[:, ::-1].mean((0, 2))).max() > 1  # not the same mirrored
    content = path.read_bytes()
    matrix = content.index(b'tkhd') + _TKHD_MATRIX
    for (right, right_down, down_right, down), turn in _TURNS.items():
        entries = [right << 16, right_down << 16, 0, down_right << 16, down << 16, 0, 0, 0, 1 << 30]
        path.write_bytes(content[:matrix] + struct.pack('>9i', *entries) + content[matrix + 36 :])
        assert np.array_equal(next(video_frames(path)), turn(upright))


@pytest.mark.parametrize('suffix', ['.avi', '.mkv'])  # without its end, nothing is known of an MP4 file
def test_videos_that_break_off(suffix, tmp_path):
    path = write_video(tmp_path / f'film{suffix}', frames=50, codec='mpeg4')
    assert len(list(video_frames(path))) == 50
    content = path.read_bytes()
    path.write_bytes(content[: len(content) * 2 // 3])
    with pytest.raises(OSError, match='the video breaks off after'):
        list(video_frames(path))


@pytest.mark.parametrize('suffix', ['.mkv', '.mp4'])
def test_videos_with_damaged_frames(suffix, tmp_path, picture):
    path = write_video(tmp_path / f'film{suffix}', picture=picture)
    content = path.read_bytes()
    middle = len(content) // 2
    path.write_bytes(content[:middle] + b'\xff' * 60 + content[middle + 60 :])
    with pytest.raises(OSError, match='damaged|cannot be decoded'):
        list(video_frames(path))


def test_videos_that_are_none(model, tmp_path):
    (tmp_path / 'text.mp4').write_text('#EXTM3U\n#EXTINF:10,\n/etc/passwd\n')
    os.mkfifo(tmp_path / 'pipe.mp4')
    (tmp_path / 'empty.mp4').touch()
    found = model.predict(tmp_path)
    assert list(found) == []
    reasons = ['the file is empty', 'it is not a regular file', 'it is not a video of a known']
    assert [reason[:28] for _, reason in found.failures] == reasons
