"""Validation and test splits of other usual names are used, or spoken of; they are never passed over in silence."""

import json
import os
from pathlib import Path

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import contents, truth
from tests.helpers.detection_folders import TRUTH, write_coco, write_image, write_text

VAL_NAMES = ['val', 'valid', 'validation', 'dev', 'Val', 'VALID']


def rename(root: Path, old: str, new: str) -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    (root / old).rename(root / new)


def check_val(root, out_dir) -> list[str]:
    """The validation split is the one given; the notes."""
    data = load_detection(root, out_dir)
    assert contents(data.splits['train']) == truth('train')
    assert contents(data.splits['val']) == truth('val')
    assert not any('80/20' in note for note in data.notes)
    return list(data.notes[1:])


@pytest.mark.parametrize('name', VAL_NAMES)
def test_roboflow(name, tmp_path, out_dir):
    folders.roboflow(tmp_path)
    rename(tmp_path, 'valid', name)
    assert not any('not used' in note for note in check_val(tmp_path, out_dir))


def test_roboflow_with_two(tmp_path, out_dir):
    folders.roboflow(tmp_path)
    folders.roboflow(tmp_path / 'other')
    rename(tmp_path, 'other/valid', 'val')
    with pytest.raises(UserError, match=r"several that could be the split 'val': val, valid; keep one"):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('place', ['val', 'valid2', 'images/val', 'images/Validation'])
def test_folders_that_may_be_meant(place, tmp_path, out_dir):
    folders.one_file(tmp_path)
    write_image(tmp_path / place / 'x.jpg')
    notes = load_detection(tmp_path, out_dir).notes
    assert (f'{tmp_path}: not used: {place}/' in notes) == (place != 'valid2')
    assert any('80/20' in note for note in notes)


def test_roboflow_with_another_folder(tmp_path, out_dir):
    folders.roboflow(tmp_path)
    rename(tmp_path, 'test', 'extra')
    assert f'{tmp_path}: not used: extra/_annotations.coco.json' in check_val(tmp_path, out_dir)


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
    check_val(tmp_path, out_dir)


def test_coco_of_another_year(tmp_path, out_dir):
    folders.coco_2017(tmp_path)
    rename(tmp_path, 'annotations/instances_val2017.json', 'annotations/instances_val2014.json')
    rename(tmp_path, 'val2017', 'val2014')
    check_val(tmp_path, out_dir)


def test_coco_with_a_test_part(tmp_path, out_dir):
    folders.coco_2017(tmp_path)
    write_coco(tmp_path / 'annotations/instances_test2017.json', TRUTH['test'])
    for stem in TRUTH['test']:
        write_image(tmp_path / 'test2017' / f'{stem}.jpg')
    data = load_detection(tmp_path, out_dir)
    assert data.format == 'COCO 2017'
    assert contents(data.splits['test']) == truth('test')


def test_files_that_are_not_used(tmp_path, out_dir):
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


@pytest.mark.parametrize('name', VAL_NAMES)
def test_voc(name, tmp_path, out_dir):
    folders.voc(tmp_path)
    rename(tmp_path, 'ImageSets/Main/val.txt', f'ImageSets/Main/{name}.txt')
    for other in ('cat_train', 'cat_val', 'cat_trainval'):  # VOC's own lists of a class
        write_text(tmp_path / f'ImageSets/Main/{other}.txt', 'a1 1\n')
    assert check_val(tmp_path, out_dir) == []
    write_text(tmp_path / 'ImageSets/Main/holdout.txt', 'a1\n')
    assert check_val(tmp_path, out_dir) == [f'{tmp_path}: not used: ImageSets/Main/holdout.txt']


@pytest.mark.parametrize('given', ['train', 'val', 'valid'])
def test_voc_what_is_left_of_trainval(given, tmp_path, out_dir):
    folders.voc(tmp_path)
    lists = tmp_path / 'ImageSets/Main'
    parts = {split: (lists / f'{split}.txt').read_text() for split in ('train', 'val')}
    write_text(lists / 'trainval.txt', parts['val'] + parts['train'])
    for split in parts:
        (lists / f'{split}.txt').unlink()
    write_text(lists / f'{given}.txt', parts['train' if given == 'train' else 'val'])
    check_val(tmp_path, out_dir)
    (tmp_path / 'JPEGImages/b1.png').unlink()
    with pytest.raises(UserError, match=f'Main/{"trainval" if given == "train" else given}.txt: the image .b1'):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('key', ['val', 'valid', 'validation', 'dev'])
@pytest.mark.parametrize('build', [folders.yolo, folders.yolo_roboflow])
def test_yolo(key, build, tmp_path, out_dir):
    build(tmp_path)
    file = tmp_path / 'data.yaml'
    file.write_text(file.read_text().replace('val:', f'{key}:'))
    assert check_val(tmp_path, out_dir) == []


def test_yolo_with_two(tmp_path, out_dir):
    folders.yolo(tmp_path)
    with (tmp_path / 'data.yaml').open('a') as stream:
        stream.write('valid: images/test\n')
    with pytest.raises(UserError, match=r"data\.yaml has val and valid, which are both the split 'val': keep one"):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('name', ['val', 'valid', 'validation', 'Val'])
@pytest.mark.parametrize('pattern', ['images/{}', '{}/images'])
def test_yolo_names_none_but_has_one(name, pattern, tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_text(tmp_path / 'data.yaml', 'train: images/train\nnames: [cat, dog]\n')
    rename(tmp_path, 'images/val', pattern.format(name))
    with pytest.raises(UserError, match=rf'names no validation split, but there is {pattern.format(name)}/'):
        load_detection(tmp_path, out_dir)


def test_yolo_labels_without_an_image(tmp_path, out_dir):
    folders.yolo(tmp_path)
    for name in ('z1', 'z2', 'classes'):
        write_text(tmp_path / f'labels/train/{name}.txt', '0 0.5 0.5 0.1 0.1\n')
    assert check_val(tmp_path, out_dir) == ['labels without an image, such as labels/train/z1.txt: 2']


def test_two_layouts_in_one_folder(tmp_path, out_dir):
    folders.plain(tmp_path)
    folders.yolo(tmp_path)
    assert check_val(tmp_path, out_dir) == [f'{tmp_path} is in the format YOLO as well, which is not used']
    (tmp_path / 'data.yaml').write_text('broken: [')
    assert check_val(tmp_path, out_dir) == []


# Test splits that training does without


def no_annotations(root: Path) -> None:
    file = next(iter([*root.glob('annotations/*test*.json'), *root.glob('test/_*.json')]))
    content = json.loads(file.read_text())
    file.write_text(json.dumps(content | {'annotations': []}))


def no_list(root: Path) -> None:
    file = next(iter([*root.glob('annotations/*test*.json'), *root.glob('test/_*.json')]))
    content = json.loads(file.read_text())
    del content['annotations']
    file.write_text(json.dumps(content))


def no_files(root: Path) -> None:
    for file in [*root.glob('Annotations/c*.xml'), *root.glob('labels/test/*'), *root.glob('test/labels/*')]:
        file.unlink()


@pytest.mark.parametrize(
    ('build', 'change'),
    [
        (folders.plain, no_annotations),
        (folders.plain, no_list),
        (folders.roboflow, no_annotations),
        (folders.roboflow, no_list),
        (folders.voc, no_files),
        (folders.yolo, no_files),
        (folders.yolo_roboflow, no_files),
    ],
    ids=lambda item: item.__name__,
)
def test_a_test_split_without_annotations(build, change, tmp_path, out_dir):
    build(tmp_path)
    change(tmp_path)
    notes = check_val(tmp_path, out_dir)
    assert sum('the test split is left out' in note for note in notes) == 1
    assert list(load_detection(tmp_path, out_dir, splits=['train', 'val']).splits) == ['train', 'val']
    with pytest.raises(UserError):  # who asks for it is not given another
        load_detection(tmp_path, out_dir, splits=['val', 'test'])


def test_a_validation_split_without_annotations(tmp_path, out_dir):
    folders.plain(tmp_path)
    write_coco(tmp_path / 'annotations/val.json', {stem: [] for stem in TRUTH['val']})
    with pytest.raises(UserError, match=r'val\.json has no annotations'):
        load_detection(tmp_path, out_dir)


def _no_images(root: Path, layout: str) -> None:
    if layout == 'YOLO':
        (root / 'images/test/c1.jpg').unlink()
    elif layout == 'VOC':
        write_text(root / 'ImageSets/Main/test.txt', '\n')
    else:
        file = root / ('test/_annotations.coco.json' if layout == 'Roboflow' else 'annotations/test.json')
        write_text(file, json.dumps({'images': [], 'annotations': None, 'categories': []}))


@pytest.mark.parametrize(
    ('layout', 'build'),
    [('COCO', folders.plain), ('Roboflow', folders.roboflow), ('VOC', folders.voc), ('YOLO', folders.yolo)],
)
def test_a_test_split_of_nothing_is_left_out(layout, build, tmp_path, out_dir):
    build(tmp_path)
    _no_images(tmp_path, layout)
    assert sum('the test split is left out' in note for note in check_val(tmp_path, out_dir)) == 1
    with pytest.raises(UserError):
        load_detection(tmp_path, out_dir, splits=['test'])


def test_files_of_keypoints_serve_where_there_are_no_others(tmp_path, out_dir):
    folders.coco_2017(tmp_path)
    for split in ('train', 'val'):
        rename(tmp_path, f'annotations/instances_{split}2017.json', f'annotations/person_keypoints_{split}2017.json')
    write_text(tmp_path / 'annotations/captions_val2017.json', '{}')
    assert check_val(tmp_path, out_dir) == []


@pytest.mark.parametrize(
    ('build', 'name', 'notes'),
    [
        (folders.plain, 'annotations/._val.json', 0),
        (folders.one_file, 'annotations/._everything.json', 1),
        (folders.voc, 'ImageSets/Main/._val.txt', 0),
    ],
)
def test_what_macos_leaves_beside_files(build, name, notes, tmp_path, out_dir):
    build(tmp_path)
    (tmp_path / name).write_bytes(b'\0\5')
    assert len(load_detection(tmp_path, out_dir).notes) == 1 + notes


@pytest.mark.parametrize(
    ('build', 'name'),
    [
        (folders.plain, 'annotations/val.json'),
        (folders.coco_2017, 'annotations/instances_val2017.json'),
        (folders.voc, 'ImageSets/Main/val.txt'),
    ],
)
@pytest.mark.parametrize('kind', ['link to nowhere', 'pipe'])
def test_a_validation_split_that_cannot_be_opened(kind, build, name, tmp_path, out_dir):
    build(tmp_path)
    (tmp_path / name).unlink()
    if kind == 'pipe':
        os.mkfifo(tmp_path / name)
    else:
        (tmp_path / name).symlink_to('nowhere')
    with pytest.raises(UserError, match=f'{name} is not a readable'):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('place', ['ImageSets/val.txt', 'valid.txt'])
def test_voc_list_in_another_place(place, tmp_path, out_dir):
    folders.voc(tmp_path)
    rename(tmp_path, 'ImageSets/Main/val.txt', place)
    assert f'{tmp_path}: not used: {place}' in load_detection(tmp_path, out_dir).notes


def test_yolo_list_that_is_not_named(tmp_path, out_dir):
    folders.yolo(tmp_path)
    for split in ('train', 'val'):
        write_text(tmp_path / f'{split}.txt', '\n'.join(f'images/{split}/{stem}.jpg' for stem in TRUTH[split]))
    write_text(tmp_path / 'data.yaml', 'train: train.txt\nval: val.txt\nnames: [cat, dog]\n')
    assert check_val(tmp_path, out_dir) == []
    (tmp_path / 'images/val').rename(tmp_path / 'images/more')
    write_text(tmp_path / 'data.yaml', 'train: train.txt\nnames: [cat, dog]\n')
    with pytest.raises(UserError, match=r'names no validation split, but there is val\.txt: name it there'):
        load_detection(tmp_path, out_dir)


def test_yolo_with_the_same_images_twice(tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_text(tmp_path / 'data.yaml', 'train: images/train\nval: [images/train]\nnames: [cat, dog]\n')
    assert (
        'data.yaml: val names the same images as train, which makes no validation split'
        in load_detection(tmp_path, out_dir).notes
    )


def test_annotation_files_of_which_none_is_for_validation(tmp_path, out_dir):
    folders.plain(tmp_path)
    (tmp_path / 'annotations/test.json').unlink()
    rename(tmp_path, 'annotations/val.json', 'annotations/holdout.json')
    with pytest.raises(
        UserError, match=r'\(holdout\.json, train\.json\), but none that is named as a validation split'
    ):
        load_detection(tmp_path, out_dir)
