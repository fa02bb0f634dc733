"""Notes on what training does not read of images."""

import cv2
import mmcv
import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.discarded_content import describe_discarded_content
from mmbackbones.datasets.checks.images import read_images
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_edits import edit


def encoded(suffix: str, pixels: np.ndarray) -> bytes:
    return cv2.imencode(suffix, pixels)[1].tobytes()


def read(folder, *names: str):
    return read_images(folder, folder, names, 'train.json')


def notes(folder, *names: str) -> list[str]:
    return describe_discarded_content(names, read(folder, *names), 'train.json')


DEEP = np.random.default_rng(0).integers(0, 2300, (48, 64)).astype(np.uint16)


@pytest.mark.parametrize('suffix', ['.png', '.tif', '.jp2'])
@pytest.mark.parametrize('channels', [1, 3])
def test_images_of_12_bits(suffix, channels, folder):
    path = folder / f'deep{suffix}'
    path.write_bytes(encoded(suffix, np.dstack([DEEP] * channels)))
    (found,) = read(folder, path.name)
    assert found.size == folders.SIZE
    assert found.seen_levels == len(np.unique(mmcv.imread(path)))
    assert found.seen_levels < 12
    assert found.stored_levels > 1000
    (note,) = notes(folder, 'a.jpg', path.name)
    assert f'deep{suffix} has {found.stored_levels} different values, of which {found.seen_levels} remain' in note


def test_images_of_16_bits_of_which_nothing_remains(folder):
    for name, pixels in {'d.png': DEEP % 250, 'e.tif': DEEP % 200, 'f.png': DEEP * 20}.items():
        (folder / name).write_bytes(encoded(name[1:], pixels))
    with pytest.raises(UserError, match=r'train\.json: training reads the upper 8 .* 200 different values, of which 1'):
        notes(folder, 'd.png', 'e.tif')
    assert 'reads the upper 8: 2; e.tif has 200' in notes(folder, 'a.jpg', 'd.png', 'e.tif')[0]
    assert len(notes(folder, 'd.png', 'f.png')) == 1


def test_images_of_8_bits_need_no_note(folder):
    assert notes(folder, 'a.jpg', 'b.png', 'c.jpg') == []


def test_channels_that_training_does_not_read(folder):
    four = np.random.default_rng(0).integers(0, 255, (48, 64, 4)).astype(np.uint8)
    opaque = four.copy()
    opaque[..., 3] = 255
    for name, pixels in {'four.tif': four, 'clear.png': four, 'opaque.png': opaque, 'opaque.tif': opaque}.items():
        (folder / name).write_bytes(encoded(name[-4:], pixels))
    Image.fromarray(four[..., :2], 'LA').save(folder / 'la.png')
    Image.fromarray(four[..., :2], 'LA').save(folder / 'la.tif')
    names = ['a.jpg', 'clear.png', 'four.tif', 'la.png', 'la.tif', 'opaque.png', 'opaque.tif']
    assert [info.hidden_channel for info in read(folder, *names)] == [0, 1, 1, 1, 1, 0, 0]
    assert 'training does not read: 4, such as clear.png' in notes(folder, *names)[0]


def test_frames_and_printing_colors(folder):
    frames = [Image.new('RGB', (30, 20), color) for color in ('red', 'blue')]
    for name in ('f.tif', 'f.gif', 'f.webp'):
        frames[0].save(folder / name, save_all=True, append_images=frames[1:])
    for name in ('c.jpg', 'c.tif'):
        Image.new('CMYK', (30, 20)).save(folder / name)
    several, cmyk = notes(folder, 'a.jpg', 'c.jpg', 'f.tif', 'f.gif', 'f.webp', 'c.tif')
    assert 'of which training reads the first: 3, such as f.tif' in several
    assert 'converts to RGB without their profile: 2, such as c.jpg' in cmyk


def test_a_data_set_has_the_note(root, out_dir):
    pixels = np.random.default_rng(0).integers(0, 4000, (48, 64)).astype(np.uint16)
    cv2.imwrite(str(root / 'images/a1.png'), pixels)
    edit(root, lambda d: d['images'][0].update(file_name='a1.png'))
    (note,) = load_detection(root, out_dir).notes
    assert note.startswith(
        'annotations/train.json: images of more than 8 bits per channel, of which training reads the'
    )
