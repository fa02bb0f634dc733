"""Images are decoded once, as training would decode them, and broken ones are named."""

import json
import os

import detection_folders as folders
import pytest
from PIL import Image

from mmbackbones.data import images
from mmbackbones.data.images import image_sizes
from mmbackbones.errors import UserError

NAMES = ['a.jpg', 'b.png', 'c.jpg']


@pytest.fixture
def folder(tmp_path):
    for name in NAMES:
        folders.write_image(tmp_path / 'user' / name)
    return tmp_path / 'user'


@pytest.fixture
def decoded(monkeypatch) -> list[str]:
    """The names of the files that are decoded, as it happens."""
    names, decode = [], images._decode
    monkeypatch.setattr(images, '_decode', lambda path: names.append(os.path.basename(path)) or decode(path))
    return names


def sizes(folder, names=NAMES):
    return image_sizes(folder, folder, names, 'train.json')


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
