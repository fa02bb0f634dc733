"""Images are decoded once, as training would decode them, and broken ones are named."""

import json
import os
import struct
import zlib

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets.checks import file_cache as inspection
from mmbackbones.datasets.checks import images
from mmbackbones.datasets.checks.discarded_content import describe_discarded_content
from mmbackbones.datasets.checks.images import read_images
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders

NAMES = ['a.jpg', 'b.png', 'c.jpg']


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        folders.write_image(tmp_path / 'user' / name)
    return tmp_path / 'user'


def read(folder, names):
    return read_images(folder, folder, names, 'train.json')


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files that are decoded, as it happens."""
    names, decode = [], images._decode
    monkeypatch.setattr(images, '_decode', lambda path: names.append(os.path.basename(path)) or decode(path))
    return names


def sizes(folder, names=NAMES):
    return [info.size for info in read(folder, names)]


def test_decoded_only_once(folder, decoded):
    assert sizes(folder) == [folders.SIZE] * 3
    assert sorted(decoded) == NAMES
    assert sizes(folder) == [folders.SIZE] * 3
    assert len(decoded) == 3


def test_decoded_again_when_changed(folder, decoded):
    sizes(folder)
    folders.write_image(folder / 'b.png', (80, 60))
    assert sizes(folder)[1] == (80, 60)
    assert decoded[3:] == ['b.png']


@pytest.mark.parametrize(
    'content', ['', 'no JSON', '[]', '{"a.jpg": 3, "b.png": [], "c.jpg": [1, 2, "x", null]}', '[' * 200_000]
)
def test_a_broken_cache_is_forgotten(content, folder, cache_home, decoded):
    sizes(folder)
    (file,) = cache_home.rglob('*.json')
    file.write_text(content)
    assert sizes(folder) == [folders.SIZE] * 3
    assert len(decoded) == 6
    assert sizes(folder) == [folders.SIZE] * 3
    assert len(decoded) == 6


def test_a_cache_that_cannot_be_written(folder, cache_home):
    cache_home.write_text('a file where the folder should be')
    assert sizes(folder) == [folders.SIZE] * 3


@pytest.mark.parametrize('name', ['a.jpg', 'b.png'])
@pytest.mark.parametrize('share', [0, 0.5, 0.9], ids='{:.0%}'.format)
def test_truncated(name, share, folder, decoded):
    content = (folder / name).read_bytes()
    (folder / name).write_bytes(content[: int(share * len(content))])
    for _ in range(2):  # what is broken is not remembered as sound
        with pytest.raises(UserError, match=rf'train\.json: the image .*{name}.* cannot be read .*; 1 of its 3 images'):
            sizes(folder)
    assert len(decoded) == 4  # but the sound ones are


def test_text_in_the_place_of_images(folder):
    for name in ('a.jpg', 'c.jpg'):
        (folder / name).write_text('not an image')
    with pytest.raises(UserError, match=r'a\.jpg.*; 2 of its 3 images are unreadable'):
        sizes(folder)


def test_what_training_cannot_read(folder):
    Image.new('RGB', (8, 8)).save(folder / 'd.tga')
    with pytest.raises(UserError, match=r'd\.tga.*OpenCV, which training reads images with, does not know .* TGA'):
        sizes(folder, ['d.tga'])


def test_size_is_that_of_the_turned_image(folder):
    exif = Image.Exif()
    exif[images.ORIENTATION] = 6  # a quarter turn
    folders.write_image(folder / 'd.jpg', exif=exif)
    assert sizes(folder, ['d.jpg']) == [folders.SIZE[::-1]]


@pytest.mark.parametrize(('mode', 'name'), [('L', 'd.jpg'), ('CMYK', 'd.jpg'), ('P', 'd.png'), ('I;16', 'd.png')])
def test_modes(mode, name, folder):
    Image.new(mode, (30, 20)).save(folder / name)
    assert sizes(folder, [name]) == [(30, 20)]


def test_the_cache_holds_what_was_sound_when_the_check_is_interrupted(folder, cache_home, monkeypatch):
    decode = images._decode

    def interrupted(path):
        if path.endswith('c.jpg'):
            raise KeyboardInterrupt
        return decode(path)

    monkeypatch.setattr(images, '_decode', interrupted)
    with pytest.raises(KeyboardInterrupt):
        sizes(folder)
    (file,) = cache_home.rglob('*.json')
    assert sorted(json.loads(file.read_text())) == ['a.jpg', 'b.png']


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


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


def test_more_than_pil_reads(folder, monkeypatch):
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
def test_garbage_besides_the_pixels(name, place, garbage, folder):
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


def losses(folder, *names: str) -> list[str]:
    return describe_discarded_content(names, read(folder, names), 'train.json')


DEEP = np.random.default_rng(0).integers(0, 2300, (48, 64)).astype(np.uint16)


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jp2'])
@pytest.mark.parametrize('channels', [1, 3])
def test_12_bits_are_said_to_be_cut(suffix, channels, folder):
    path = folder / f'deep{suffix}'
    path.write_bytes(encoded(suffix, np.dstack([DEEP] * channels)))
    (found,) = read(folder, [path.name])
    assert found.size == folders.SIZE
    assert found.seen_levels == len(np.unique(seen_in_training(path)))
    assert found.seen_levels < 12
    assert found.stored_levels > 1000
    (note,) = losses(folder, 'a.jpg', path.name)
    assert f'deep{suffix} has {found.stored_levels} different values, of which {found.seen_levels} remain' in note


def test_16_bits_of_which_nothing_remains(folder):
    for name, pixels in {'d.png': DEEP % 250, 'e.tif': DEEP % 200, 'f.png': DEEP * 20}.items():
        (folder / name).write_bytes(encoded(name[1:], pixels))
    with pytest.raises(UserError, match=r'train\.json: training reads the upper 8 .* 200 different values, of which 1'):
        losses(folder, 'd.png', 'e.tif')
    assert 'reads the upper 8: 2; e.tif has 200' in losses(folder, 'a.jpg', 'd.png', 'e.tif')[0]
    assert len(losses(folder, 'd.png', 'f.png')) == 1


def test_8_bits_lose_nothing(folder):
    assert losses(folder, *NAMES) == []


def test_channels_that_training_does_not_read(folder):
    four = np.random.default_rng(0).integers(0, 255, (48, 64, 4)).astype(np.uint8)
    opaque = four.copy()
    opaque[..., 3] = 255
    for name, pixels in {'four.tif': four, 'clear.png': four, 'opaque.png': opaque, 'opaque.tif': opaque}.items():
        (folder / name).write_bytes(encoded(name[-4:], pixels))
    Image.fromarray(four[..., :2], 'LA').save(folder / 'la.png')
    Image.fromarray(four[..., :2], 'LA').save(folder / 'la.tif')
    names = ['a.jpg', 'clear.png', 'four.tif', 'la.png', 'la.tif', 'opaque.png', 'opaque.tif']
    assert [info.hidden_channel for info in read(folder, names)] == [0, 1, 1, 1, 1, 0, 0]
    assert 'training does not read: 4, such as clear.png' in losses(folder, *names)[0]


def test_frames_and_printing_colors(folder):
    frames = [Image.new('RGB', (30, 20), color) for color in ('red', 'blue')]
    for name in ('f.tif', 'f.gif', 'f.webp'):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    for name in ('c.jpg', 'c.tif'):
        Image.new('CMYK', (30, 20)).save(folder / name)
    several, cmyk = losses(folder, 'a.jpg', 'c.jpg', 'f.tif', 'f.gif', 'f.webp', 'c.tif')
    assert 'of which training reads the first: 3, such as f.tif' in several
    assert 'converts to RGB without their profile: 2, such as c.jpg' in cmyk


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir], ids=['pipe', 'folder'])
def test_only_regular_files_are_opened(make, folder):
    make(folder / 'd.jpg')
    with pytest.raises(UserError, match=r"the image .*d\.jpg' is not a regular file; 1 of its 4 images is not"):
        sizes(folder, [*NAMES, 'd.jpg'])
    (folder / 'e.jpg').symlink_to('/dev/zero')
    with pytest.raises(UserError, match=r"e\.jpg' is not a regular file"):
        sizes(folder, ['e.jpg'])


def test_the_cache_grows_while_the_check_goes_on(folder, cache_home, monkeypatch):
    monkeypatch.setattr(inspection, 'SAVE_INTERVAL', 0)
    kept = []
    monkeypatch.setattr(inspection, 'write_text', lambda file, text: kept.append(sorted(json.loads(text))))
    sizes(folder)
    assert kept[:3] == [NAMES[:1], NAMES[:2], NAMES]


def test_what_an_older_version_remembered_is_forgotten(folder, cache_home, decoded, monkeypatch):
    sizes(folder)
    monkeypatch.setattr(inspection, 'CACHE_VERSION', inspection.CACHE_VERSION + 1)
    sizes(folder)
    assert len(decoded) == 6
