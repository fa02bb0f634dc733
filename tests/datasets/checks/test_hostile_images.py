"""Images that lie about their size, take more memory than there is, or start other programs."""

import io
import struct
import sys
import zlib

import cv2
import numpy as np
import pytest
from PIL import EpsImagePlugin, Image

from mmbackbones.datasets.checks import image_memory, label_maps
from mmbackbones.datasets.checks.images import image_damage, lenient_pil
from tests.helpers.limits import limited

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not sys.platform.startswith('linux'), reason='limits and peaks of memory are those of Linux'),
]

MEGABYTES, SECONDS = 500, 10


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack('>I', len(data)) + kind + data + struct.pack('>I', zlib.crc32(kind + data))


def png(width: int, height: int, *more: bytes, depth: int = 8, rows: int = 1) -> bytes:
    """A gray PNG that has `rows` rows, whatever its header says."""
    header = chunk(b'IHDR', struct.pack('>IIBBBBB', width, height, depth, 0, 0, 0, 0))
    row = zlib.compress(bytes(1 + min(width, 100_000) * depth // 8) * rows)
    return b'\x89PNG\r\n\x1a\n' + header + b''.join(more) + chunk(b'IDAT', row) + chunk(b'IEND', b'')


def saved(format: str, image: Image.Image | None = None, **options) -> bytes:
    file = io.BytesIO()
    (image or Image.new('RGB', (16, 16))).save(file, format, **options)
    return file.getvalue()


def with_side(content: bytes, place: int, form: str, side: int) -> bytes:
    """An image file with another width and height in its header."""
    new = struct.pack(form, side, side)
    return content[:place] + new + content[place + len(new) :]


def jpeg(side: int) -> bytes:
    content = saved('JPEG')
    return with_side(content, content.index(b'\xff\xc0') + 5, '>HH', side)


def tiff(side: int) -> bytes:
    content = saved('TIFF')
    for tag in (256, 257):
        at = content.index(struct.pack('<H', tag), 8)
        content = content[:at] + struct.pack('<HHII', tag, 4, 1, side) + content[at + 12 :]
    return content


def passes(count: int) -> bytes:
    """A progressive JPEG that repeats its last pass."""
    content = saved('JPEG', Image.new('L', (5000, 4000)), progressive=True)
    last = content[content.rindex(b'\xff\xda') : -2]
    return content[:-2] + last * count + b'\xff\xd9'


BOMB, PART = zlib.compress(bytes(50 << 20)), zlib.compress(bytes(900_000))
FILES = {
    'PNG of few bytes': lambda: png(30_000, 30_000),
    'PNG beyond the limit': lambda: png(2**31 - 1, 2**31 - 1),
    'PNG of 16 bits beyond the limit': lambda: png(40_000, 40_000, depth=16),
    'PNG of one long row': lambda: png(2**30, 1),
    'PNG with a long text': lambda: png(8, 8, chunk(b'zTXt', b'a\0\0' + BOMB), rows=8),
    'PNG with long texts': lambda: png(8, 8, *[chunk(b'zTXt', b'a\0\0' + PART)] * 200, rows=8),
    'PNG with a long profile': lambda: png(8, 8, chunk(b'iCCP', b'a\0\0' + BOMB), rows=8),
    'PNG of many frames': lambda: saved(
        'PNG', append_images=[Image.new('RGB', (16, 16), (i % 256, 0, 0)) for i in range(300)], save_all=True
    ),
    'GIF beyond the limit': lambda: with_side(saved('GIF'), 6, '<HH', 65_535),
    'GIF of many frames': lambda: saved(
        'GIF', append_images=[Image.new('RGB', (16, 16), (i % 256, 0, 0)) for i in range(300)], save_all=True
    ),
    'BMP of few bytes': lambda: with_side(saved('BMP'), 18, '<ii', 30_000),
    'BMP beyond the limit': lambda: with_side(saved('BMP'), 18, '<ii', 2**31 - 1),
    'BMP upside down': lambda: with_side(saved('BMP'), 18, '<ii', -30_000),
    'JPEG of few bytes': lambda: jpeg(30_000),
    'JPEG beyond the limit': lambda: jpeg(65_535),
    'JPEG of nothing': lambda: jpeg(0),
    'JPEG of many passes': lambda: passes(300),
    'JPEG of printing colors': lambda: saved('JPEG', Image.new('CMYK', (16, 16))),
    'TIFF of few bytes': lambda: tiff(30_000),
    'TIFF beyond the limit': lambda: tiff(2**31),
    'TIFF of 32 bits': lambda: saved('TIFF', Image.new('F', (16, 16))),
    'PPM beyond the limit': lambda: b'P6 100000 100000 255\n' + bytes(300),
    'PPM of few bytes': lambda: b'P6 30000 30000 65535\n' + bytes(300),
    'ICO': lambda: saved('ICO'),
}


@pytest.mark.parametrize('name', FILES)
def test_files(name, tmp_path, monkeypatch):
    """As images, as which they are read or refused by their header, and as label maps, where a GB is free."""
    path = tmp_path / 'a.png'
    path.write_bytes(FILES[name]())
    assert path.stat().st_size < 1 << 20
    monkeypatch.setattr(image_memory, 'available_memory', lambda: 1 << 30)
    said = []

    def look():
        with lenient_pil():
            said.append(image_damage(str(path)))
        said.append(str(label_maps._inspect(str(path), by_color=False)))
        assert all(text is None or (len(text) < 700 and text) for text in said)

    outcome = limited(look, 2 * SECONDS)
    assert outcome.said == 'done'
    assert outcome.seconds < SECONDS
    assert outcome.megabytes < MEGABYTES


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('PNG beyond the limit', 'it has 2147483647 x 2147483647 pixels, more than the 1,073,741,824 that OpenCV'),
        ('PNG of few bytes', 'its 30000 x 30000 pixels take 7.2 GB of memory, and 1.1 GB are free'),
        ('JPEG beyond the limit', 'it has 65535 x 65535 pixels'),
        ('JPEG of many passes', 'it goes over its 5000 x 4000 pixels 30'),
        ('PPM beyond the limit', 'it has 100000 x 100000 pixels'),
    ],
)
def test_messages(name, message, tmp_path, monkeypatch):
    monkeypatch.setattr(image_memory, 'available_memory', lambda: 1 << 30)
    (tmp_path / 'a.png').write_bytes(FILES[name]())
    with lenient_pil():
        assert str(image_damage(str(tmp_path / 'a.png'))).startswith(message)


def test_no_program_is_started(tmp_path, monkeypatch):
    """Pillow gives EPS files, whatever their name, to Ghostscript."""
    content = saved('EPS')
    assert Image.open(io.BytesIO(content)).format == 'EPS'
    monkeypatch.setattr(EpsImagePlugin, 'Ghostscript', lambda *_, **__: pytest.fail('started'))
    (tmp_path / 'a.png').write_bytes(content)
    assert image_damage(str(tmp_path / 'a.png')) == 'it is not an image file of a known format'
    assert 'cannot identify image file' in label_maps._inspect(str(tmp_path / 'a.png'), by_color=False)


@pytest.mark.parametrize('dtype', [np.uint8, np.uint16, np.float32])
def test_levels(dtype):
    pixels = np.random.default_rng(0).integers(0, 200, (300, 5000, 3)).astype(dtype)
    assert image_memory.count_levels(pixels) == len(np.unique(pixels)) == 200


def test_a_large_image_is_read_if_there_is_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(image_memory, '_SMALL', 100)
    cv2.imwrite(str(tmp_path / 'a.png'), np.zeros((20, 20), np.uint16))
    assert image_damage(str(tmp_path / 'a.png')) is None
    monkeypatch.setattr(image_memory, 'available_memory', lambda: 9_000)
    assert str(image_damage(str(tmp_path / 'a.png'))).startswith('its 20 x 20 pixels take')
    monkeypatch.setattr(image_memory, 'available_memory', lambda: None)  # not known
    assert image_damage(str(tmp_path / 'a.png')) is None
