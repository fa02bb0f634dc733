"""Images are decoded as training would decode them, and broken ones are named."""

import struct
import zlib

import mmcv
import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets.checks import images
from mmbackbones.datasets.checks.images import read_images
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders

NAMES = ['a.jpg', 'b.png', 'c.jpg']


def read(folder, names):
    return read_images(folder, folder, names, 'train.json')


def sizes(folder, names=NAMES):
    return [info.size for info in read(folder, names)]


@pytest.mark.parametrize('name', ['a.jpg', 'b.png'])
@pytest.mark.parametrize('share', [0, 0.5, 0.9], ids='{:.0%}'.format)
def test_truncated(name, share, folder):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    with pytest.raises(UserError, match=rf'train\.json: the image .*{name}.* cannot be read .*; 1 of its 3 images'):
        sizes(folder)


def test_text_in_place_of_images(folder):
    for name in ('a.jpg', 'c.jpg'):
        (folder / name).write_text('not an image')
    with pytest.raises(
        UserError, match=r'a\.jpg.* \(it is not an image file of a known format\); 2 of its 3 images are unreadable'
    ):
        sizes(folder)


def test_what_training_cannot_read(folder):
    Image.new('RGB', (8, 8)).save(folder / 'd.tga')
    with pytest.raises(UserError, match=r'd\.tga.*OpenCV, which training reads images with, does not know .* TGA'):
        sizes(folder, ['d.tga'])


def test_the_size_is_that_of_the_turned_image(folder):
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6  # a quarter turn
    folders.write_image(folder / 'd.jpg', exif=exif)
    assert sizes(folder, ['d.jpg']) == [folders.SIZE[::-1]]


@pytest.mark.parametrize(('mode', 'name'), [('L', 'd.jpg'), ('CMYK', 'd.jpg'), ('P', 'd.png'), ('I;16', 'd.png')])
def test_modes(mode, name, folder):
    Image.new(mode, (30, 20)).save(folder / name)
    assert sizes(folder, [name]) == [(30, 20)]


def seen_in_training(path) -> np.ndarray:
    return mmcv.imfrombytes(path.read_bytes(), flag='color')


@pytest.fixture
def photograph() -> np.ndarray:
    """A smooth picture without symmetry, so that its turns can be told apart even from lossy copies."""
    return np.dstack([np.add.outer(np.arange(48), np.arange(64) * weight) for weight in (1, 2, 3)]).astype(np.uint8)


@pytest.mark.parametrize('suffix', ['.jpg', '.png', '.tif', '.webp'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_turned_as_in_training(suffix, orientation, photograph, folder):
    exif = Image.Exif()
    exif[images.ORIENTATION] = orientation
    path = folder / f'turned{suffix}'
    Image.fromarray(photograph).save(path, exif=exif)
    (found,) = read(folder, [path.name])
    pixels = seen_in_training(path)
    assert found.size == (pixels.shape[1], pixels.shape[0])
    stored = images.TURNS[found.orientation](photograph[..., ::-1])
    assert stored.shape == pixels.shape
    assert np.abs(stored.astype(int) - pixels).mean() < 9
    if suffix in ('.jpg', '.tif'):  # the others depend on OpenCV's version
        assert found.orientation == orientation


def test_images_larger_than_pil_allows(folder, monkeypatch):
    monkeypatch.setattr(Image, 'MAX_IMAGE_PIXELS', 1000)  # it refuses twice as many
    assert sizes(folder) == [folders.SIZE] * 3
    assert Image.MAX_IMAGE_PIXELS == 1000


def png_chunk(kind: bytes, content: bytes, checksum: int | None = None) -> bytes:
    checksum = zlib.crc32(kind + content) if checksum is None else checksum
    return struct.pack('>I', len(content)) + kind + content + struct.pack('>I', checksum)


def jpeg_segment(number: int, content: bytes) -> bytes:
    return bytes([0xFF, number]) + struct.pack('>H', 2 + len(content)) + content


GARBAGE = {
    'profile': ('d.jpg', 2, jpeg_segment(0xE2, b'ICC_PROFILE\0')),
    'JFIF': ('d.jpg', 2, jpeg_segment(0xE0, b'JFIF\0')),
    'EXIF': ('d.jpg', 2, jpeg_segment(0xE1, b'Exif\0\0MM\0*\0\0\0\x08\xff\xff' + b'\xff' * 30)),
    'text': ('d.png', 33, png_chunk(b'zTXt', b'k\0\0' + zlib.compress(bytes(3 << 20)))),
    'checksum of text': ('d.png', 33, png_chunk(b'tEXt', b'k\0hello', 0)),
    'gamma': ('d.png', 33, png_chunk(b'gAMA', b'x')),
    'PNG profile': ('d.png', 33, png_chunk(b'iCCP', b'x')),
}


@pytest.mark.parametrize(('name', 'place', 'garbage'), GARBAGE.values(), ids=GARBAGE)
def test_garbage_other_than_the_pixels(name, place, garbage, folder):
    folders.write_image(folder / name)
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[:place] + garbage + content[place:])
    assert sizes(folder, [name]) == [folders.SIZE]
    assert seen_in_training(folder / name).shape == (48, 64, 3)
    cut = 4 if name == 'd.jpg' else 40
    (folder / name).write_bytes((content[:place] + garbage + content[place:])[:-cut])
    with pytest.raises(UserError, match='cannot be read'):
        sizes(folder, [name])


def test_a_png_without_its_end(folder):
    path = folder / 'b.png'
    path.write_bytes(path.read_bytes()[:-12])
    assert seen_in_training(path) is None
    with pytest.raises(UserError, match=r'b\.png.* cannot be read'):
        sizes(folder)
