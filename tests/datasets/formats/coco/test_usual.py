"""COCO files under the names that people give them; none is ignored silently."""

import json

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats.coco.usual import Coco2017, CvatCoco, OneCocoFile, PlainCoco
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import TRUTH, VAL_NAMES, coco, rename, write_coco, write_image, write_text


@pytest.mark.parametrize(
    'name',
    [
        *VAL_NAMES,
        'instances_val2014',
        'instances_val',
        'val2017',
        'instances_valid2017',
        'cats_val',
        'val_annotations',
        'val-2020',
    ],
)
def test_plain_coco(name, tmp_path, out_dir):
    folders.plain(tmp_path)
    rename(tmp_path, 'annotations/val.json', f'annotations/{name}.json')
    assert check_val(tmp_path, out_dir) == []


@pytest.mark.parametrize('place', ['valid', 'images/valid', 'val2014', 'images/val2014', 'val', 'images/val'])
def test_folders_of_plain_coco(place, tmp_path, out_dir):
    for split, name in {'train': 'train', 'val': 'instances_val2014'}.items():
        write_coco(tmp_path / f'annotations/{name}.json', TRUTH[split])
        for stem in TRUTH[split]:
            write_image(tmp_path / (place if split == 'val' else 'train') / f'{stem}.jpg')
    assert check_val(tmp_path, out_dir) == []


def test_coco_of_another_year(tmp_path, out_dir):
    folders.coco_2017(tmp_path)
    rename(tmp_path, 'annotations/instances_val2017.json', 'annotations/instances_val2014.json')
    rename(tmp_path, 'val2017', 'val2014')
    assert check_val(tmp_path, out_dir) == []


def test_coco_2017_with_a_test_split(tmp_path, out_dir):
    folders.coco_2017(tmp_path)
    write_coco(tmp_path / 'annotations/instances_test2017.json', TRUTH['test'])
    for stem in TRUTH['test']:
        write_image(tmp_path / 'test2017' / f'{stem}.jpg')
    data = load_detection(tmp_path, out_dir)
    assert data.format == 'COCO 2017'
    assert contents(data.splits['test']) == truth('test')


def test_unused_files_are_reported(tmp_path, out_dir):
    folders.plain(tmp_path)
    for name in ('captions_val2017', 'image_info_test2017', 'person_keypoints_train2017', 'stuff_val2017'):
        write_text(tmp_path / f'annotations/{name}.json', '{}')  # no boxes to be missed
    assert check_val(tmp_path, out_dir) == []
    for name in ('d', 'c', 'b', 'train_old'):
        write_text(tmp_path / f'annotations/{name}.json', '{}')
    unused = 'annotations/b.json, annotations/c.json, annotations/d.json and 1 more'
    assert check_val(tmp_path, out_dir) == [f'{tmp_path}: not used: {unused}']


def test_two_files_for_one_split(tmp_path, out_dir):
    folders.plain(tmp_path)
    write_coco(tmp_path / 'annotations/valid.json', TRUTH['val'])
    with pytest.raises(UserError, match=r"annotations has several that could be the split 'val': val, valid"):
        load_detection(tmp_path, out_dir)


def test_one_file_beside_another_split(tmp_path, out_dir):
    folders.one_file(tmp_path, 'trainval.json')
    write_coco(tmp_path / 'val.json', TRUTH['val'])
    assert f'{tmp_path}: not used: val.json' in load_detection(tmp_path, out_dir).notes


def test_keypoint_files_are_read_if_there_are_no_others(tmp_path, out_dir):
    folders.coco_2017(tmp_path)
    for split in ('train', 'val'):
        rename(tmp_path, f'annotations/instances_{split}2017.json', f'annotations/person_keypoints_{split}2017.json')
    write_text(tmp_path / 'annotations/captions_val2017.json', '{}')
    assert check_val(tmp_path, out_dir) == []


@pytest.mark.parametrize('place', ['val', 'valid2', 'images/val', 'images/Validation'])
def test_folders_that_may_hold_validation_images_are_reported(place, tmp_path, out_dir):
    folders.one_file(tmp_path)
    write_image(tmp_path / place / 'x.jpg')
    notes = load_detection(tmp_path, out_dir).notes
    assert (f'{tmp_path}: not used: {place}/' in notes) == (place != 'valid2')
    assert any('80/20' in note for note in notes)


def test_annotation_files_without_a_validation_split(tmp_path, out_dir):
    folders.plain(tmp_path)
    (tmp_path / 'annotations/test.json').unlink()
    rename(tmp_path, 'annotations/val.json', 'annotations/holdout.json')
    with pytest.raises(
        UserError,
        match=r'\(holdout\.json, train\.json\), but none that is named as a validation split: '
        'rename them to train.json and val.json',
    ):
        load_detection(tmp_path, out_dir)


def test_several_files_with_other_names(tmp_path, out_dir):
    for name in ('a', 'b'):
        folders.one_file(tmp_path / 'user', f'annotations/{name}.json')
    with pytest.raises(UserError, match=r'several annotation files \(a\.json, b\.json\)'):
        load_detection(tmp_path / 'user', out_dir)


def test_other_tasks_only(tmp_path, out_dir):
    write_text(tmp_path / 'annotations/captions_val2017.json', '{}')
    with pytest.raises(UserError, match=r'other tasks only, such as annotations/captions_val2017\.json, but none with'):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize(
    ('changes', 'crowds', 'note'),
    [
        ([{}, {}], [0, 0], '2 of 2'),
        ([{}, {'iscrowd': 0}], [1, 0], None),  # a crowd among single objects
        ([{'attributes': {'occluded': False}}, {'iscrowd': 0}], [0, 0], '1 of 2'),
        ([{'attributes': 3}, {'iscrowd': 0}], [1, 0], None),
        ([{'segmentation': [[0, 0, 1, 0, 1, 4]]}] * 2, [1, 1], None),
    ],
)
def test_brushed_objects(changes, crowds, note, tmp_path):
    """CVAT marks what is drawn with its brush as a crowd."""
    data = coco({'a1': [('cat', 0, 0, 1, 4)], 'a2': [('dog', 0, 0, 1, 4)]})
    mask = {'counts': [0, 4, 3068], 'size': [48, 64]}
    for annotation, change in zip(data['annotations'], changes, strict=True):
        annotation |= {'segmentation': mask, 'iscrowd': 1} | change
    write_text(tmp_path / 'annotations/instances_default.json', json.dumps(data))
    write_image(tmp_path / 'images/a1.jpg')
    found = CvatCoco(Folder(tmp_path)).read('train')
    assert [item['iscrowd'] for item in found.data['annotations']] == crowds
    assert (found.file is None) == (note is not None)
    assert [note in text for text in found.notes] == [True] * (note is not None)


# The formats by themselves

INSTANCES = 'annotations/instances_{}2017.json'


@pytest.mark.parametrize(
    ('format', 'files', 'expected'),
    [
        (Coco2017, [INSTANCES.format('train'), INSTANCES.format('val')], {'train', 'val'}),
        (Coco2017, [INSTANCES.format('val'), 'val2017/'], {'val'}),
        (Coco2017, [INSTANCES.format('val')], set()),  # its images have to be where COCO's are, to be COCO 2017
        (Coco2017, [INSTANCES.format('val'), 'val2017/', 'annotations/mine.json'], set()),
        (PlainCoco, ['annotations/train.json', 'annotations/valid.json'], {'train', 'val'}),
        (PlainCoco, ['annotations/val.json'], {'val'}),
        (PlainCoco, ['annotations/train.json'], set()),
        (PlainCoco, ['annotations/cats.json', 'annotations/dogs.json'], set()),
        (OneCocoFile, ['annotations/cats.json', 'images/'], {'train'}),
        (CvatCoco, ['annotations/instances_default.json'], {'train'}),
        (CvatCoco, ['annotations/person_keypoints_default.json'], {'train'}),
        (CvatCoco, ['annotations/instances_default.json', 'annotations/instances_Train.json'], set()),
        (OneCocoFile, ['trainval.json', 'images/'], {'train'}),
        (OneCocoFile, ['annotations/cats.json'], set()),
        (OneCocoFile, ['annotations/cats.json', 'annotations/dogs.json', 'images/'], set()),
    ],
)
def test_find_files(format, files, expected, tmp_path):
    for file in files:
        if file.endswith('/'):
            (tmp_path / file).mkdir()
        else:
            write_coco(tmp_path / file, TRUTH['val'])
    found = format.find_files(Folder(tmp_path))
    assert set(found) == expected
    assert set(found.values()) <= set(files)
    assert format.match(Folder(tmp_path)) == bool(expected)


def test_explain_mismatch(tmp_path):
    assert PlainCoco.explain_mismatch(Folder(tmp_path)) is None
    for name in ('dogs', 'cats'):
        write_coco(tmp_path / f'annotations/{name}.json', TRUTH['val'])
    assert PlainCoco.explain_mismatch(Folder(tmp_path)) == (
        'holds several annotation files (cats.json, dogs.json), but none that is named as a validation split: '
        'rename them to train.json and val.json'
    )
    assert OneCocoFile.explain_mismatch(Folder(tmp_path)) is None


@pytest.mark.parametrize(
    ('change', 'bbox'),
    [
        ({'attributes': {'occluded': False, 'rotation': 90}}, [10, 5, 10, 30]),
        ({'attributes': {'occluded': False, 'rotation': 'left'}}, [0, 15, 30, 10]),
        ({'attributes': {'rotation': 90}}, [0, 15, 30, 10]),  # not CVAT's
        ({'attributes': {'occluded': False, 'rotation': 90}, 'segmentation': [[0, 15, 30, 15, 30, 25]]}, None),
        ({'attributes': {'occluded': False, 'rotation': 90}, 'bbox': [0, 15, 'x', 10]}, None),
    ],
)
def test_rotated_boxes(change, bbox, tmp_path):
    """CVAT writes a box as it is before its rotation."""
    data = coco({'a1': [('cat', 0, 15, 30, 10)], 'a2': [('dog', 0, 0, 1, 4)]})
    data['annotations'][0] |= change
    write_text(tmp_path / 'annotations/instances_default.json', json.dumps(data))
    write_image(tmp_path / 'images/a1.jpg')
    found = CvatCoco(Folder(tmp_path)).read('train')
    assert found.data['annotations'][0]['bbox'] == (bbox or data['annotations'][0]['bbox'])
    said = 'annotations/instances_default.json: rotated boxes, read as the upright boxes around them: 1'
    assert found.notes == ((said,) if bbox == [10, 5, 10, 30] else ())
