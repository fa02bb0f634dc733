"""Defects of COCO annotations that are repaired and counted."""

import json
from collections import Counter
from pathlib import Path

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.images import ImageInfo
from mmbackbones.datasets.checks.repair import (
    describe_repairs,
    fill_boxes,
    fill_image_sizes,
    normalize_coco,
    repair_annotations,
    set_categories,
)
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import contents
from tests.helpers.coco_edits import edit, first

BOX_OF_VAL = [8, 8, 16, 16]


REPAIRED = {
    'partly outside': (first(bbox=[-5, 40, 20, 10]), [0, 40, 15, 8], '1 box clipped to its image'),
    'above': (first(bbox=[5, -4, 10, 10]), [5, 0, 10, 6], '1 box clipped to its image'),
    'right': (first(bbox=[60, 5, 10, 10]), [60, 5, 4, 10], '1 box clipped to its image'),
    'larger': (first(bbox=[-5, -5, 100.0, 90]), [0, 0, 64, 48], '1 box clipped to its image'),
    'no width': (first(bbox=[5, 5, 0, 8]), None, '1 box without area dropped'),
    'outside': (first(bbox=[64, 5, 8, 8]), None, '1 box without area dropped'),
    'overshoot': (first(bbox=[48.3, 5, 16, 16]), [48.3, 5, 16, 16], None),
    'no size': (lambda d: [d['images'][0].pop(k) for k in ('width', 'height')], BOX_OF_VAL, '1 image size filled in'),
    'size as text': (lambda d: d['images'][0].update(width='64', height=' 48 '), BOX_OF_VAL, '1 image size filled in'),
    'size of 0': (lambda d: d['images'][0].update(width=0, height=0), BOX_OF_VAL, '1 image size filled in'),
    'null size': (lambda d: d['images'][0].update(height=None), BOX_OF_VAL, '1 image size filled in'),
    'no area': (lambda d: d['annotations'][0].pop('area'), BOX_OF_VAL, '1 area filled in'),
    'area 0': (first(area=0), BOX_OF_VAL, '1 area filled in'),
    'impossible area': (first(area=10**6), BOX_OF_VAL, '1 area that does not fit its box corrected'),
    'area of 1': (first(area=1), BOX_OF_VAL, '1 area that does not fit its box corrected'),
    'no iscrowd': (lambda d: d['annotations'][0].pop('iscrowd'), BOX_OF_VAL, '1 iscrowd filled in'),
    'id 0': (first(id=0), BOX_OF_VAL, '3 annotations renumbered from 1'),
}


@pytest.mark.parametrize(('change', 'box', 'note'), REPAIRED.values(), ids=REPAIRED)
def test_repaired(change, box, note, root, out_dir):
    edit(root, change, 'val')  # val is what pycocotools evaluates, so every repair has to be in its file
    data = load_detection(root, out_dir)
    split = data.splits['val']
    content = json.loads(split.ann_file.read_text())
    assert list(data.notes) == ([f'annotations/val.json: {note}'] if note else [])
    assert split.ann_file.is_relative_to(out_dir) == bool(note)
    assert split.boxes == len(content['annotations']) == (3 if box else 2)
    for annotation in content['annotations']:
        assert annotation['id'] > 0
        assert annotation['area'] == annotation['bbox'][2] * annotation['bbox'][3]
        assert annotation['iscrowd'] == 0
    assert all((image['width'], image['height']) == folders.SIZE for image in content['images'])
    assert not box or content['annotations'][0]['bbox'] == box


def test_all_repairs_of_a_split_in_one_line(root, out_dir):
    def change(data):
        for annotation, x in zip(data['annotations'], (-1, -2, 64, 90), strict=True):
            annotation.update(bbox=[x, 5, 20, 10])
            del annotation['area']

    edit(root, change)
    data = load_detection(root, out_dir)
    assert data.notes == ('annotations/train.json: 2 boxes clipped to their image, 2 boxes without area dropped',)
    assert data.splits['train'].boxes == 2


def test_dropping_alone_does_not_copy_the_training_file(root, out_dir):
    edit(root, first(bbox=[5, 5, 0, 8]))
    data = load_detection(root, out_dir)
    assert data.notes == ('annotations/train.json: 1 box without area dropped',)
    assert data.splits['train'].ann_file == root / 'annotations/train.json'
    assert data.splits['train'].boxes == 3


@pytest.mark.parametrize('name', ['day\\a1.jpg', '.\\day\\a1.jpg'])
def test_file_names_from_windows(name, root, out_dir):
    (root / 'images/day').mkdir()
    (root / 'images/a1.jpg').rename(root / 'images/day/a1.jpg')
    edit(root, lambda d: d['images'][0].update(file_name=name))
    data = load_detection(root, out_dir)
    content = json.loads(data.splits['train'].ann_file.read_text())
    assert (data.splits['train'].image_dir / content['images'][0]['file_name']).is_file()
    assert '1 file name with backslashes read' in data.notes[0]
    edit(root, lambda d: d['images'][0].update(file_name='..\\..\\a1.jpg'))
    with pytest.raises(UserError, match='is not inside the data folder'):
        load_detection(root, out_dir)


def test_a_file_whose_name_has_a_backslash(root, out_dir):
    (root / 'images/a1.jpg').rename(root / 'images/a\\1.jpg')
    edit(root, lambda d: d['images'][0].update(file_name='a\\1.jpg'))
    assert load_detection(root, out_dir).splits['train'].ann_file == root / 'annotations/train.json'


def test_segmentation_and_other_keys_are_kept(root, out_dir):
    edit(root, first(bbox=[-5, 40, 20, 10], segmentation=[[0, 40, 15, 40, 0, 48]], area=60, score=1))
    annotation = json.loads(load_detection(root, out_dir).splits['train'].ann_file.read_text())['annotations'][0]
    assert annotation['bbox'] == [0, 40, 15, 8]
    assert (annotation['segmentation'], annotation['area'], annotation['score']) == ([[0, 40, 15, 40, 0, 48]], 60, 1)


def test_categories_in_another_order_give_the_same_labels(root, out_dir):
    edit(root, lambda d: d['categories'].reverse(), 'val')
    data = load_detection(root, out_dir)
    assert data.classes == folders.CLASSES
    assert data.splits['val'].ann_file == out_dir / 'val.json'
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert [category['name'] for category in listed] == list(folders.CLASSES)


# The functions by themselves


def test_boxes_of_masks(root, out_dir):
    def change(data):
        for number, annotation in enumerate(data['annotations']):
            x, y, w, h = annotation['bbox']
            annotation['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h]]
            annotation |= [{'bbox': None}, {'bbox': []}, {}][number % 3]
            if number % 3 == 2:
                del annotation['bbox']

    before = contents(load_detection(root, out_dir).splits['train'])
    edit(root, change)
    data = load_detection(root, out_dir)
    assert contents(data.splits['train']) == before
    assert any(note.endswith('train.json: 4 boxes taken from their masks') for note in data.notes)


@pytest.mark.parametrize('annotation', [{}, {'bbox': []}, {'segmentation': []}, {'segmentation': [[1, 2]]}])
@pytest.mark.parametrize('image', [1, 2, None, [], {}])
def test_fill_boxes_leaves_what_is_malformed(annotation, image):
    annotation = {'image_id': image} | annotation
    data = {'images': [{'id': 1}, {'id': []}, {}], 'annotations': [dict(annotation)]}
    assert fill_boxes(data) == Counter()
    assert data['annotations'] == [annotation]


def one_box(bbox, size=(64, 48), **values):
    """COCO data of one image with one box."""
    image = {'id': 1, 'file_name': 'a.jpg', 'width': size[0], 'height': size[1]}
    return {'images': [image], 'annotations': [{'id': 1, 'image_id': 1, 'category_id': 1, 'bbox': bbox, **values}]}


@pytest.mark.parametrize(
    ('given', 'size', 'repairs'),
    [
        ((64, 48), (64, 48), {}),
        (('64', 48.0), (64, 48), {'size': 1}),
        ((0, None), (None, None), {}),
        (('', -1), (None, None), {}),
        (('64', None), (64, None), {}),
        ((64.0, ' '), (64, None), {}),
    ],
)
def test_normalize_coco_reads_sizes(given, size, repairs, tmp_path):
    data = one_box([1, 2, 3, 4], given)
    assert normalize_coco(data, tmp_path, 'train.json', masks=False) == repairs
    assert data == one_box([1, 2, 3, 4], size)


def test_normalize_coco_repairs_names_boxes_and_masks(tmp_path):
    data = one_box([1, 2, 3, 4], segmentation=[[1, 2, 3, 4], [1, 2, 3, 4, 5, 6], []])
    data['images'][0]['file_name'] = 'day\\a.jpg'
    data['annotations'].append(data['annotations'][0] | {'id': 2, 'bbox': [64, 2, 3, 4]})
    assert normalize_coco(data, tmp_path, 'train.json', masks=False) == {'slash': 1, 'dropped': 1}
    assert data['images'][0]['file_name'] == 'day/a.jpg'
    assert [item['id'] for item in data['annotations']] == [1]
    assert len(data['annotations'][0]['segmentation']) == 3
    assert normalize_coco(data, tmp_path, 'train.json', masks=True) == {'polygon': 2}
    assert data['annotations'][0]['segmentation'] == [[1, 2, 3, 4, 5, 6]]


def test_a_mask_that_has_no_other_polygon_keeps_it_to_be_refused(tmp_path):
    data = one_box([1, 2, 3, 4], segmentation=[[1, 2, 3, 4]])
    assert normalize_coco(data, tmp_path, 'train.json', masks=True) == {}
    assert data['annotations'][0]['segmentation'] == [[1, 2, 3, 4]]


@pytest.mark.parametrize(('given', 'repairs'), [((64, 48), {}), ((None, 48), {'size': 1}), ((None, None), {'size': 1})])
def test_fill_image_sizes(given, repairs):
    data = one_box([1, 2, 3, 4], given)
    assert fill_image_sizes(data, [ImageInfo(64, 48)], 'train.json') == repairs
    assert data == one_box([1, 2, 3, 4])


def test_fill_image_sizes_refuses_another_size():
    with pytest.raises(UserError, match=r'^train\.json: image 1 \(a\.jpg\) is said to be \?x64 pixels'):
        fill_image_sizes(one_box([1, 2, 3, 4], (None, 64)), [ImageInfo(64, 48)], 'train.json')


VALID = {'area': 100, 'iscrowd': 0}


@pytest.mark.parametrize(
    ('values', 'changed', 'repairs'),
    [
        (VALID, {}, {}),
        (VALID | {'bbox': [-0.5, 4, 10, 10]}, {}, {}),
        (VALID | {'bbox': [-2, 4, 10, 10]}, {'bbox': [0, 4, 8, 10], 'area': 80}, {'clipped': 1}),
        (VALID | {'area': None}, {'area': 100}, {'area': 1}),
        (VALID | {'area': 145}, {'area': 100}, {'wrong area': 1}),
        (VALID | {'area': 144}, {}, {}),
        (VALID | {'area': 0.9}, {'area': 100}, {'wrong area': 1}),
        (VALID | {'area': 0.9, 'segmentation': [[4] * 6]}, {}, {}),
        ({'area': 100}, {'iscrowd': 0}, {'iscrowd': 1}),
        (VALID | {'id': 0}, {'id': 1}, {'id': 1}),
    ],
)
def test_repair_annotations(values, changed, repairs):
    data = one_box([4, 4, 10, 10])
    data['annotations'][0].update(values)
    expected = data['annotations'][0] | changed
    assert repair_annotations(data, Path()) == repairs
    assert data['annotations'] == [expected]


@pytest.mark.parametrize(('ignore', 'iscrowd', 'repairs'), [(0, 0, {}), (1, 1, {'ignore': 1})])
def test_repair_annotations_turns_ignore_into_crowd(ignore, iscrowd, repairs):
    data = one_box([4, 4, 10, 10], **VALID, ignore=ignore)
    assert repair_annotations(data, Path()) == repairs
    assert data['annotations'][0]['iscrowd'] == iscrowd
    assert 'ignore' not in data['annotations'][0]


@pytest.mark.parametrize(
    ('listed', 'classes', 'expected', 'added', 'left_out'),
    [
        ({'cat': 3, 'dog': 1}, ['cat', 'dog'], [(3, 'cat'), (1, 'dog')], 0, 0),
        ({'cat': 3, 'cow': 7}, ['dog', 'cat', 'pig'], [(8, 'dog'), (3, 'cat'), (9, 'pig')], 2, 1),
    ],
)
def test_set_categories(listed, classes, expected, added, left_out):
    data = {'categories': [{'id': number, 'name': name} for name, number in listed.items()]}
    assert set_categories(data, classes) == Counter(classes=added, unknown=left_out)
    assert [(item['id'], item['name']) for item in data['categories']] == expected


def test_describe_repairs():
    repairs = Counter({'unknown': 1, 'clipped': 2, 'slash': 1, 'area': 0})
    assert describe_repairs(repairs) == (
        '1 file name with backslashes read as folders, 2 boxes clipped to their image, '
        '1 class that it lists without a box left out'
    )
    assert describe_repairs(Counter()) == ''


def test_a_size_that_is_stated_in_part_is_filled_in_once(root, out_dir):
    edit(root, lambda d: d['images'][0].update(width='64', height=None))
    assert load_detection(root, out_dir).notes == ('annotations/train.json: 1 image size filled in',)
