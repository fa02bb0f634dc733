"""Cityscapes: which of its labels are read, and which of its files."""

import numpy as np
import pytest

from mmbackbones.datasets import load_segmentation
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text
from tests.helpers.exports import segmentation as exports
from tests.helpers.painted import SCENES, label_map
from tests.helpers.segmentation_folders import listed


@pytest.fixture
def root(tmp_path):
    exports.cityscapes(tmp_path / 'user')
    return tmp_path / 'user'


def test_classes_and_what_is_left_out(root, out_dir):
    data = load_segmentation(root, out_dir)
    assert data.classes[:2] + data.classes[-1:] == ('road', 'sidewalk', 'bicycle')
    assert len(data.classes) == 19
    assert list(data.splits) == ['train', 'val']
    assert 'left out, because its labels are not public: leftImg8bit/test' in data.notes


def test_a_test_split_with_labels(root, out_dir):
    for scene in SCENES['test']:
        path = root / f'gtFine/test/bern/{scene.stem}_gtFine_labelIds.png'
        exports.save(label_map(scene, exports.CITYSCAPES, background=4), path)
    assert list(load_segmentation(root, out_dir).splits) == ['train', 'val', 'test']


def test_train_ids_of_some_images_are_not_read(root, out_dir):
    scene = SCENES['train'][0]
    exports.save(
        label_map(scene, {'cat': 0, 'dog': 1, 'bird': 2}),
        root / f'gtFine/train/ulm/{scene.stem}_gtFine_labelTrainIds.png',
    )
    data = load_segmentation(root, out_dir)
    assert all(label.endswith('_labelIds.png') for split in data.splits for _, label in listed(data, split))


def test_labels_of_ones_own(root, out_dir):
    write_text(root / 'classes.txt', '\n'.join(f'class {number}' for number in range(34)))
    assert load_segmentation(root, out_dir, background='class').classes[26] == 'class 26'


def test_colors_alone(root, out_dir):
    for path in root.glob('gtFine/*/*/*_labelIds.png'):
        path.unlink()
    with pytest.raises(UserError, match=r'needs the PNG ulm/image_00_gtFine_labelIds\.png'):
        load_segmentation(root, out_dir)


def test_no_splits(tmp_path, out_dir):
    for folder in ('leftImg8bit', 'gtFine'):
        exports.save(exports.Image.fromarray(np.zeros((2, 2), np.uint8)), tmp_path / folder / 'a.png')
    with pytest.raises(UserError, match=r'leftImg8bit has no folder train/'):
        load_segmentation(tmp_path, out_dir)
