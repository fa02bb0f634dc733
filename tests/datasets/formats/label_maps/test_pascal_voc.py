"""Pascal VOC's label maps: what its folders may lack."""

import shutil

import pytest

from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.formats.label_maps.pascal_voc import CLASSES, _color
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text
from tests.helpers.exports import segmentation as exports
from tests.helpers.painted import SCENES, check_label_maps, paint


@pytest.fixture
def root(tmp_path):
    exports.voc(tmp_path / 'user')
    return tmp_path / 'user'


def test_colors():
    assert [_color(value) for value in (0, 1, 2, 8, 15, 20)] == [0, 0x800000, 0x8000, 0x400000, 0xC08080, 0x4080]


def test_classes(root, out_dir):
    assert load_segmentation(root, out_dir).classes == CLASSES


def test_colors_without_a_table(tmp_path, out_dir):
    colors = {name: exports.voc_color(CLASSES.index(name)) for name in ('cat', 'dog', 'bird')}
    exports.write_voc(tmp_path, lambda scene: exports.color_map(scene, colors))
    check_label_maps(load_segmentation(tmp_path, out_dir))


def test_subfolders(root, out_dir):
    """CVAT keeps the folders of the images that it was given."""
    for place in ('JPEGImages', 'SegmentationClass'):
        (root / place).rename(root / 'drive_1')
        (root / place).mkdir()
        (root / 'drive_1').rename(root / place / 'drive_1')
    check_label_maps(load_segmentation(root, out_dir))


def test_label_maps_without_images(root, out_dir):
    shutil.rmtree(root / 'JPEGImages')
    with pytest.raises(
        UserError, match='user/SegmentationClass has label maps, but there are no images: put them into'
    ):
        load_segmentation(root, out_dir)


def test_a_listed_image_without_a_label_map(root, out_dir):
    stem = SCENES['train'][2].stem
    (root / f'SegmentationClass/{stem}.png').unlink()
    with pytest.raises(UserError, match=rf'lacks the label maps of 1 of the 10 images: {stem}\.jpg needs'):
        load_segmentation(root, out_dir)


def test_an_image_without_a_label_map_and_without_lists(root, out_dir):
    shutil.rmtree(root / 'ImageSets')
    paint(root / 'JPEGImages/a.jpg', SCENES['train'][0])
    with pytest.raises(UserError, match=r'lacks the label maps of 1 of the 16 images: a\.jpg needs the PNG a\.png'):
        load_segmentation(root, out_dir)


def test_empty_lists(root, out_dir):
    for path in root.glob('ImageSets/Segmentation/*.txt'):
        write_text(path, '\n')
    with pytest.raises(UserError, match=r'ImageSets/Segmentation/\w+\.txt names no images'):
        load_segmentation(root, out_dir)


def test_images_in_no_list_are_reported(root, out_dir):
    paint(root / 'JPEGImages/a.jpg', SCENES['train'][0])
    notes = load_segmentation(root, out_dir).notes
    assert 'left out, because no list names them: 1 image, such as JPEGImages/a.jpg' in notes


def test_images_in_two_lists_are_reported(root, out_dir):
    with (root / 'ImageSets/Segmentation/val.txt').open('a') as file:
        file.write('image_03\n')
    lists = 'ImageSets/Segmentation/train.txt and ImageSets/Segmentation/val.txt'
    assert f'in both {lists}: 1 image, such as JPEGImages/image_03.jpg' in load_segmentation(root, out_dir).notes
