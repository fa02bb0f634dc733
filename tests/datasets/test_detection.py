"""Detection data sets from the user's folder to COCO files for training."""

import json
from pathlib import Path

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders


@pytest.fixture
def root(tmp_path) -> Path:
    folders.plain(tmp_path / 'user')
    return tmp_path / 'user'


@pytest.mark.parametrize(
    'content', [b'', b'{"images": [', b'\xff\xfe\xfd', b'[' * 200_000, b'[]', b'null'], ids=lambda item: str(item[:9])
)
def test_files_that_are_not_coco(content, root, out_dir):
    (root / 'annotations/val.json').write_bytes(content)
    with pytest.raises(UserError, match=r'annotations/val\.json (is not a readable JSON|must hold a COCO object)'):
        load_detection(root, out_dir)


def test_the_own_division_has_boxes_of_all_classes_in_both_parts(tmp_path, out_dir):
    """Of 40 images 4 have boxes, and a class has but one of these."""
    root = tmp_path / 'one'
    images = {f'{number:02}': [] for number in range(40)}
    images |= {
        '03': [('cat', 1, 1, 9, 9)],
        '17': [('cat', 1, 1, 9, 9)],
        '18': [('cat', 2, 2, 9, 9)],
        '30': [('dog', 1, 1, 9, 9), ('cat', 3, 3, 9, 9)],
    }
    folders.write_coco(root / 'trainval.json', images)
    for stem in images:
        folders.write_image(root / f'images/{stem}.jpg', (16, 16))
    file = root / 'trainval.json'
    file.write_text(file.read_text().replace('"width": 64, "height": 48', '"width": 16, "height": 16'))
    data = load_detection(root, out_dir)
    assert {split: item.images for split, item in data.splits.items()} == {'train': 32, 'val': 8}
    assert {split: item.boxes for split, item in data.splits.items()} == {'train': 4, 'val': 1}
    assert not any('classes without a box' in note for note in data.notes)


def test_a_byte_order_mark_is_taken_off(root, out_dir):
    file = root / 'annotations/val.json'
    file.write_bytes(b'\xef\xbb\xbf' + file.read_bytes())
    assert json.loads(load_detection(root, out_dir).splits['val'].ann_file.read_text())['images']


@pytest.mark.parametrize(('encoding', 'in_place'), [('cp1252', False), ('ANSI_X3.4-1968', False), ('UTF-8', True)])
def test_names_that_pycocotools_would_misread(encoding, in_place, root, out_dir, monkeypatch):
    """It opens files in the system's encoding, and then no category has the name that is asked for."""
    monkeypatch.setattr('locale.getpreferredencoding', lambda *_: encoding)
    for file in root.glob('annotations/*.json'):
        file.write_text(file.read_text().replace('"dog"', '"dög"'), encoding='utf-8')
    split = load_detection(root, out_dir).splits['train']
    assert (split.ann_file == root / 'annotations/train.json') is in_place
    assert in_place or json.loads(split.ann_file.read_text('ascii'))['categories'][1]['name'] == 'dög'


@pytest.mark.parametrize('more', [{}, {'b': [], 'c': []}])
def test_a_single_image_with_boxes_cannot_be_divided(more, tmp_path, out_dir):
    folders.write_coco(tmp_path / 'annotations/all.json', {'a': [('cat', 4, 6, 20, 10)], **more})
    for stem in ('a', *more):
        folders.write_image(tmp_path / f'images/{stem}.jpg')
    with pytest.raises(UserError, match='no validation split is given, and a single image has boxes to train on'):
        load_detection(tmp_path, out_dir)
