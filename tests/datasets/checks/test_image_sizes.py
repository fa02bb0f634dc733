"""Stated sizes of images against those of the files."""

import re

import pytest
from PIL import Image

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.image_sizes import describe_size_mismatch, parse_side
from mmbackbones.datasets.checks.images import ORIENTATION, ImageInfo
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_edits import edit


def test_what_is_wrong_with_photographs_turned_by_exif(root, out_dir):
    """Their boxes may have been drawn on the image as it is stored, or as a viewer shows it."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # a quarter turn
    folders.write_image(root / 'images/a1.jpg', exif=exif)
    message = r'a1\.jpg\) is said to be 64x48 pixels, but its file, turned by its EXIF orientation .*, is 48x64'
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)
    edit(root, lambda d: d['images'][0].update(width=48, height=64))
    exif[ORIENTATION] = 3  # a half turn
    folders.write_image(root / 'images/a2.jpg', exif=exif)
    data = load_detection(root, out_dir)
    assert 'annotations/train.json: images that their EXIF orientation turns or mirrors' in data.notes[1]
    assert data.notes[1].endswith(': 2, such as a1.jpg')
    edit(root, lambda d: d['images'][2].update(width=50))
    with pytest.raises(UserError, match='is said to be 50x48 pixels, but its file is 64x48'):
        load_detection(root, out_dir)


@pytest.mark.parametrize(
    ('value', 'expected'),
    [(64, 64), (64.0, 64), (' 64 ', 64), ('64.0', 64), (None, None), ('', None), (' ', None), (0, None), (-64, None)],
)
def test_parse_side(value, expected):
    assert parse_side(value) == expected
    assert type(parse_side(value)) is type(expected)


@pytest.mark.parametrize('value', [64.5, 'wide', True, [64], float('nan'), float('inf'), 10**400])
def test_parse_side_refuses_what_is_not_a_number_of_pixels(value):
    with pytest.raises(ValueError, match=f'^{re.escape(repr(value)[:3])}'):  # the message is the value
        parse_side(value)


@pytest.mark.parametrize(
    ('given', 'orientation', 'expected'),
    [
        ((64, 48), 1, None),
        ((None, 48), 1, None),
        ((None, None), 6, None),
        ((48, 64), 1, 'is said to be 48x64 pixels, but its file is 64x48'),
        ((None, 64), 1, 'is said to be ?x64 pixels, but its file is 64x48'),
        ((48, 64), 6, 'is said to be 48x64 pixels, but its file, turned by its EXIF orientation as in training, is '),
    ],
)
def test_describe_size_mismatch(given, orientation, expected):
    found = describe_size_mismatch(given, ImageInfo(64, 48, orientation))
    assert found == expected if expected is None else found.startswith(expected)
