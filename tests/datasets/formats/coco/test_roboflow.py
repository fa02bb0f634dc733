"""Roboflow's COCO exports."""

import json

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import CLASSES, VAL_NAMES, rename


@pytest.mark.parametrize('name', VAL_NAMES)
def test_names_of_the_validation_folder(name, tmp_path, out_dir):
    folders.roboflow(tmp_path)
    rename(tmp_path, 'valid', name)
    assert not any('not used' in note for note in check_val(tmp_path, out_dir))


def test_two_validation_splits(tmp_path, out_dir):
    folders.roboflow(tmp_path)
    folders.roboflow(tmp_path / 'other')
    rename(tmp_path, 'other/valid', 'val')
    with pytest.raises(UserError, match=r"several that could be the split 'val': val, valid; keep one"):
        load_detection(tmp_path, out_dir)


def test_another_folder_is_reported(tmp_path, out_dir):
    folders.roboflow(tmp_path)
    rename(tmp_path, 'test', 'extra')
    assert f'{tmp_path}: not used: extra/_annotations.coco.json' in check_val(tmp_path, out_dir)


def test_the_parent_has_the_name_of_a_class(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.roboflow(root)
    for file in root.glob('*/_annotations.coco.json'):
        file.write_text(file.read_text().replace('"pets"', '"cat"'))
    data = load_detection(root, out_dir)
    assert data.classes == CLASSES
    assert contents(data.splits['train']) == truth('train')
    assert sum("category 'cat' (id 0)" in note for note in data.notes) == 1


def test_class_0_with_boxes_is_kept(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.roboflow(root)
    file = root / 'valid/_annotations.coco.json'
    content = json.loads(file.read_text())
    content['annotations'][0]['category_id'] = 0
    file.write_text(json.dumps(content))
    data = load_detection(root, out_dir)
    assert data.classes == ('pets', *CLASSES)
    assert data.splits['val'].ann_file == file
