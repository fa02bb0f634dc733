"""Stated sizes of images against those of the files."""

import pytest
from PIL import Image

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.images import ORIENTATION
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
    assert 'annotations/train.json: images that their EXIF orientation turns or mirrors' in data.notes[2]
    assert data.notes[2].endswith(': 2, such as a1.jpg')
    edit(root, lambda d: d['images'][2].update(width=50))
    with pytest.raises(UserError, match='is said to be 50x48 pixels, but its file is 64x48'):
        load_detection(root, out_dir)
