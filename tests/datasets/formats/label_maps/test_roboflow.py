"""Roboflow's label maps beside the images."""

import pytest

from mmbackbones.datasets import has_label_maps, load_segmentation
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_image, write_text
from tests.helpers.exports import segmentation as exports
from tests.helpers.painted import CLASSES


@pytest.fixture
def root(tmp_path):
    exports.roboflow_masks(tmp_path / 'user')
    return tmp_path / 'user'


def test_background(root, out_dir):
    assert load_segmentation(root, out_dir).classes == ('background', *CLASSES)
    assert load_segmentation(root, out_dir, background='ignore').classes == CLASSES


def test_other_tables_are_refused(root, out_dir):
    write_text(root / 'valid/_classes.csv', 'Pixel Value, Class\n0, background\n1, cow\n')
    with pytest.raises(UserError, match=r'train/_classes\.csv and .*valid/_classes\.csv name the labels differently'):
        load_segmentation(root, out_dir)


def test_classes_of_whole_images_are_no_label_maps(tmp_path):
    write_text(tmp_path / 'train/_classes.csv', 'filename, cat, dog\na.jpg, 1, 0\n')
    write_image(tmp_path / 'train/a.jpg')
    assert not has_label_maps(tmp_path)
