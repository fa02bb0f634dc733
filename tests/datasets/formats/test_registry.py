"""Which format a folder is in, and what is said if it is in none."""

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import TRUTH, write_coco, write_image


def test_a_folder_of_boxes_and_masks_has_boxes(tmp_path, out_dir):
    root = tmp_path / 'user'
    for split, folder in {'train': 'training', 'val': 'validation'}.items():
        write_coco(root / f'annotations/{split}.json', TRUTH[split], file_name=f'{folder}/{{}}.jpg')
        for stem in TRUTH[split]:
            write_image(root / 'images' / folder / f'{stem}.jpg')
            write_image(root / 'annotations' / folder / f'{stem}.png')
    data = load_detection(root, out_dir)
    assert data.format == 'plain COCO'
    assert contents(data.splits['val']) == truth('val')


def test_masks_are_not_boxes(tmp_path, out_dir):
    for kind in ('images', 'annotations'):
        write_image(tmp_path / 'user' / kind / 'training/1.png')
    with pytest.raises(UserError, match=r'holds label maps \(ADE20K\), but a detector needs boxes'):
        load_detection(tmp_path / 'user', out_dir)


def test_no_layout(tmp_path, out_dir):
    (tmp_path / 'user').mkdir()
    with pytest.raises(
        UserError, match=r'(?s)user is in none of the known formats.*Roboflow COCO: .*Pascal VOC: .*YOLO: '
    ):
        load_detection(tmp_path / 'user', out_dir)


def test_no_folder(tmp_path, out_dir):
    with pytest.raises(UserError, match='nowhere does not exist'):
        load_detection(tmp_path / 'nowhere', out_dir)


def test_two_layouts_in_one_folder(tmp_path, out_dir):
    folders.plain(tmp_path)
    folders.yolo(tmp_path)
    assert check_val(tmp_path, out_dir) == [f'{tmp_path} is in the format YOLO as well, which is not used']
    (tmp_path / 'data.yaml').write_text('broken: [')
    assert check_val(tmp_path, out_dir) == []
