"""Files that a browser sent: what is read, and what is refused before anything is decoded."""

import zipfile

import cv2
import numpy as np
import pytest
from PIL import Image

from mmbackbones.apis.app import uploads
from mmbackbones.apis.app.uploads import is_inside, read_upload, shrink
from mmbackbones.errors import UserError
from tests.apis.app.conftest import encoded, noise, png_bomb

IMAGE = noise()


@pytest.fixture
def refusal(folder, monkeypatch):
    """Why a file is refused; nothing may be decoded on the way."""

    def read(data: bytes, name: str = 'a.png') -> str:
        (folder / name).write_bytes(data)
        monkeypatch.setattr(cv2, 'imdecode', lambda *_: pytest.fail('it was decoded'))
        with pytest.raises(UserError) as error:
            read_upload(folder / name)
        return str(error.value)

    return read


@pytest.mark.parametrize('kind', ['PNG', 'BMP', 'TIFF', 'WEBP'])
def test_images_are_read_as_in_a_test(kind, folder):
    path = folder / 'a'
    path.write_bytes(encoded(IMAGE, kind, **(dict(lossless=True) if kind == 'WEBP' else {})))
    np.testing.assert_array_equal(read_upload(path), IMAGE)


def test_a_photograph_is_turned(folder):
    exif = Image.Exif()
    exif[0x0112] = 6
    (folder / 'a').write_bytes(encoded(IMAGE, 'JPEG', exif=exif))
    assert read_upload(folder / 'a').shape == (90, 60, 3)
    (folder / 'gray').write_bytes(encoded(IMAGE[..., 0]))
    assert read_upload(folder / 'gray').shape == (60, 90, 3)


@pytest.mark.parametrize(('width', 'height'), [(20_000, 6_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_an_image_of_too_many_pixels_is_not_decoded(width, height, refusal):
    assert 'at most 100 million' in refusal(png_bomb(width, height))


def test_a_jpeg_of_many_scans_is_not_decoded(refusal):
    data = encoded(IMAGE, 'JPEG', progressive=True)
    assert 'too long to decode' in refusal(data + b'\xff\xda\x00\x08' * 300, 'a.jpg')


@pytest.mark.parametrize(
    'data',
    [
        b'',
        b'no image',
        b'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"><script>alert(1)</script></svg>',
        b'%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n',
        b'GIF89a',
        encoded(IMAGE)[:20],
        encoded(Image.fromarray(IMAGE), 'ICO'),
        encoded(Image.fromarray(IMAGE), 'PDF'),
    ],
)
def test_what_is_no_image_is_refused(data, refusal):
    assert refusal(data).startswith('it is not an image')


def test_a_zip_is_refused(refusal, tmp_path):
    with zipfile.ZipFile(tmp_path / 'a.zip', 'w', zipfile.ZIP_DEFLATED) as file:
        file.writestr('a', bytes(1 << 20))
    assert refusal((tmp_path / 'a.zip').read_bytes()).startswith('it is not an image')


def test_a_file_of_too_many_bytes_is_refused(refusal, monkeypatch):
    monkeypatch.setattr(uploads, 'MAX_BYTES', 1 << 20)
    assert refusal(bytes((1 << 20) + 1)).endswith('at most 1 MiB are read')


@pytest.mark.parametrize('kind', ['PNG', 'JPEG'])
def test_a_truncated_image_is_refused(kind, folder):
    data = encoded(IMAGE, kind)
    (folder / 'a').write_bytes(data[: len(data) // 2])
    with pytest.raises(UserError):
        read_upload(folder / 'a')


def test_large_images_are_made_smaller():
    assert shrink(IMAGE) is IMAGE
    assert shrink(np.zeros((1000, 5120, 3), np.uint8)).shape == (500, 2560, 3)
    assert shrink(np.zeros((9000, 1, 3), np.uint8)).shape == (2560, 1, 3)


def test_only_files_in_the_folder_are_its(folder):
    (folder / 'a b').mkdir()
    (folder / 'a b/ü.png').write_bytes(b'')
    (folder / 'link.png').symlink_to(folder.parent / 'secret.png')
    assert is_inside(str(folder / 'a b/ü.png'), folder)
    assert is_inside(f'{folder}/a b/../a b//ü.png', folder)
    others = [folder, folder / 'none.png', folder / 'link.png', folder.parent / 'secret.png', folder / '../secret.png']
    texts = ['', 'a b/ü.png', f'{folder}/a b/ü.png\0', 'http://127.0.0.1/a.png', f'file://{folder}/a b/ü.png']
    assert not any(is_inside(path, folder) for path in [*map(str, others), *texts, None, 1, [], b'/etc/passwd'])
