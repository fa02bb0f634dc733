"""Images and masks in folders of any usual names: what is said, and what is refused."""

import pytest

from mmbackbones.datasets import load_segmentation
from mmbackbones.errors import UserError
from tests.helpers.exports import segmentation as exports
from tests.helpers.painted import SCENES, paint
from tests.helpers.segmentation_folders import stems


@pytest.fixture
def root(tmp_path):
    return tmp_path / 'user'


def test_unlabeled_test_images_are_left_out(root, out_dir):
    exports.unlabeled_test_images(root)
    assert 'left out, because it has no label maps: images/test' in load_segmentation(root, out_dir).notes


def test_an_unlabeled_validation_split_is_refused(root, out_dir):
    exports.images_and_masks(root)
    for path in root.glob('masks/val/*'):
        path.unlink()
    with pytest.raises(UserError, match=r'masks/val lacks the label maps of 3 of the 3 images: image_20\.jpg needs'):
        load_segmentation(root, out_dir)


def test_label_maps_of_some_test_images(root, out_dir):
    exports.images_and_masks(root)
    (root / f'masks/test/{SCENES["test"][0].stem}.png').unlink()
    with pytest.raises(UserError, match='masks/test lacks the label maps of 1 of the 2 images'):
        load_segmentation(root, out_dir)


def test_other_folders_are_reported(root, out_dir):
    exports.images_and_masks(root)
    paint(root / 'images/more/a.jpg', SCENES['train'][0])
    assert f'{root}: not used: images/more/' in load_segmentation(root, out_dir).notes


def test_spare_label_maps_are_reported(root, out_dir):
    exports.images_and_masks_without_splits(root)
    exports.save(exports.values(SCENES['train'][0]), root / 'masks/a_mask.png')
    exports.save(exports.values(SCENES['train'][0]), root / 'masks/image_00_overlay.png')
    data = load_segmentation(root, out_dir)
    assert 'masks: left out, because it has no image: a_mask.png and 1 more' in data.notes
    assert len(stems(data, 'train') + stems(data, 'val')) == 15


@pytest.mark.parametrize('suffix', ['jpg', 'JPEG'])
def test_masks_that_are_jpegs(suffix, root, out_dir):
    exports.write(root, 'images/{stem}.jpg', f'masks/{{stem}}_mask.{suffix}')
    with pytest.raises(UserError, match=r'masks/image_00_mask.*it is a JPEG file by its content'):
        load_segmentation(root, out_dir)


def test_colors_without_a_table(root, out_dir):
    exports.write(root, 'images/{stem}.jpg', 'masks/{stem}.png', exports.colors)
    with pytest.raises(
        UserError, match=r'masks/image_00\.png is a color image, but no file in .*: write a file class_d'
    ):
        load_segmentation(root, out_dir)


def test_masks_of_other_images(root, out_dir):
    exports.write(root, 'images/{stem}.jpg', 'masks/drawing_of_{stem}.png')
    with pytest.raises(
        UserError, match=r'15 of the 15 images: image_00\.jpg needs .*; did you mean drawing_of_image_00'
    ):
        load_segmentation(root, out_dir)


def test_no_training_split(root, out_dir):
    exports.write(root, 'images/{split}/{stem}.jpg', 'masks/{split}/{stem}.png', scenes={'test': SCENES['test']})
    with pytest.raises(UserError, match=r'user \(images and masks\) has no split train or val, only test$'):
        load_segmentation(root, out_dir)
    assert list(load_segmentation(root, out_dir, splits=['val', 'test']).splits) == ['test']
