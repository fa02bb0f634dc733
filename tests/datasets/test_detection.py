"""Every format gives the same data set, in files that MMDetection and pycocotools take; the folder is not changed."""

import json
import os
from pathlib import Path

import pytest

from mmbackbones.datasets import has_boxes, load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import CLASSES, FORMATS, TRUTH, write_coco, write_text
from tests.helpers.files import read_files


@pytest.fixture
def plain_root(tmp_path) -> Path:
    folders.plain(tmp_path / 'user')
    return tmp_path / 'user'


@pytest.mark.parametrize(('build', 'name'), FORMATS.items(), ids=lambda item: getattr(item, '__name__', ''))
def test_every_format_gives_the_same_data(build, name, tmp_path, out_dir):
    root = tmp_path / 'user'
    build(root)
    before = read_files(root)
    data = load_detection(root, out_dir)
    assert data.format == name
    assert data.classes == CLASSES
    assert list(data.splits) == (['train', 'val'] if name == 'COCO 2017' else ['train', 'val', 'test'])
    for part, split in data.splits.items():
        assert contents(split) == truth(part)
        assert (split.images, split.boxes) == (len(TRUTH[part]), sum(map(len, TRUTH[part].values())))
        assert split.ann_file.is_absolute()
        assert split.image_dir.is_absolute()
    assert f'{name}, 2 classes; train 4 images, 4 boxes; val 2 images, 3 boxes' in data.summary
    assert out_dir.exists() == (name not in ('COCO 2017', 'plain COCO'))
    assert read_files(root) == before


@pytest.mark.parametrize('name', ['annotations/everything.json', 'trainval.json'])
def test_one_file_is_split_80_20(name, tmp_path, out_dir):
    folders.one_file(tmp_path / 'user', name)
    data = load_detection(tmp_path / 'user', out_dir)
    parts = {split: contents(item) for split, item in data.splits.items()}
    assert {split: len(part) for split, part in parts.items()} == {'train': 6, 'val': 1}
    assert parts['train'] | parts['val'] == truth('train') | truth('val') | truth('test')
    assert '80/20 by a fixed seed: train (6 images) and val (1 image)' in data.notes[0]


def test_the_split_depends_on_file_names_alone(tmp_path, out_dir):
    folders.one_file(tmp_path / 'user', 'trainval.json')
    first = contents(load_detection(tmp_path / 'user', out_dir).splits['val'])
    file = tmp_path / 'user/trainval.json'
    content = json.loads(file.read_text())
    content['images'].reverse()
    file.write_text(json.dumps(content))
    assert contents(load_detection(tmp_path / 'user', out_dir, splits=['val']).splits['val']) == first


@pytest.mark.parametrize('build', FORMATS)
def test_train_without_val_is_split(build, tmp_path, out_dir):
    build(tmp_path / 'user', {split: TRUTH[split] for split in ('train', 'test')})
    data = load_detection(tmp_path / 'user', out_dir)
    assert contents(data.splits['train']) | contents(data.splits['val']) == truth('train')
    assert any('80/20' in note for note in data.notes)


@pytest.mark.parametrize('build', FORMATS)
def test_categories_are_in_the_order_of_the_classes_given(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir, classes=CLASSES[::-1], splits=['val'])
    assert data.classes == CLASSES[::-1]
    assert list(data.splits) == ['val']
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert tuple(category['name'] for category in listed) == CLASSES[::-1]
    assert contents(data.splits['val']) == truth('val')


@pytest.mark.parametrize('build', FORMATS)
def test_other_classes_than_those_given(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    with pytest.raises(UserError, match="the classes of the model; missing: 'cow'; unexpected: 'dog'"):
        load_detection(tmp_path / 'user', out_dir, classes=['cat', 'cow'])


@pytest.mark.parametrize('build', FORMATS)
def test_splits_with_some_of_the_classes(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir, classes=['dog', 'bird', 'cat', 'cow'], splits=['val'])
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert [category['name'] for category in listed] == ['dog', 'bird', 'cat', 'cow']
    assert contents(data.splits['val']) == truth('val')


def test_category_and_image_ids_stay(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    split = load_detection(tmp_path / 'user', out_dir, classes=['dog', 'cat']).splits['train']
    content = json.loads(split.ann_file.read_text())
    assert {item['name']: item['id'] for item in content['categories']} == {'cat': 0, 'dog': 2}
    assert [image['id'] for image in content['images']] == [0, 1, 2, 3]


def test_splits_restrict_the_check(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    (tmp_path / 'user/annotations/train.json').write_text('broken')
    assert list(load_detection(tmp_path / 'user', out_dir, CLASSES, ['test']).splits) == ['test']
    with pytest.raises(UserError, match=r'train\.json is not a readable JSON file'):
        load_detection(tmp_path / 'user', out_dir, CLASSES)


def test_missing_splits(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    assert list(load_detection(tmp_path / 'user', out_dir, splits=['test', 'other']).splits) == ['test']
    with pytest.raises(UserError, match='has no split other, only train, val, test'):
        load_detection(tmp_path / 'user', out_dir, splits=['other'])
    (tmp_path / 'user/annotations/train.json').unlink()
    for splits in (None, ['train', 'val']):
        with pytest.raises(UserError, match='has no split train, only val, test'):
            load_detection(tmp_path / 'user', out_dir, splits=splits)
    assert list(load_detection(tmp_path / 'user', out_dir, splits=['val']).splits) == ['val']


@pytest.mark.parametrize('build', FORMATS)
@pytest.mark.parametrize('way', ['there/../user', './user/../../{name}/user', 'link/../user', 'linked'])
def test_paths_with_two_dots_and_links(build, way, tmp_path, out_dir, monkeypatch):
    """``link/..`` is the parent of the folder that the link points to."""
    build(tmp_path / 'deep/user')
    (tmp_path / 'deep/there').mkdir()
    (tmp_path / 'deep/link').symlink_to(tmp_path / 'deep/there')
    (tmp_path / 'link').symlink_to(tmp_path / 'deep/there')
    (tmp_path / 'linked').symlink_to(tmp_path / 'deep/user')
    monkeypatch.chdir(tmp_path if way.startswith('link') else tmp_path / 'deep')
    root = Path(way.format(name='deep'))
    for folder in (root, root.absolute()):
        assert has_boxes(folder)
        assert contents(load_detection(folder, out_dir).splits['val']) == truth('val')


def test_links_are_followed(tmp_path, out_dir):
    folders.plain(tmp_path / 'elsewhere')
    (tmp_path / 'user').mkdir()
    for name in ('annotations', 'images'):
        (tmp_path / 'user' / name).symlink_to(tmp_path / 'elsewhere' / name)
    assert contents(load_detection(tmp_path / 'user', out_dir).splits['train']) == truth('train')


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
    with pytest.raises(
        UserError, match=r'(/test\.|/test/_|\(test\)).* (has no|lacks|names) '
    ):  # who asks for it is not given another
        load_detection(tmp_path, out_dir, splits=['val', 'test'])


def test_a_validation_split_without_annotations(tmp_path, out_dir):
    folders.plain(tmp_path)
    write_coco(tmp_path / 'annotations/val.json', {stem: [] for stem in TRUTH['val']})
    with pytest.raises(UserError, match=r'val\.json has no annotations'):
        load_detection(tmp_path, out_dir)


def no_image(root: Path) -> None:
    (root / 'images/test/c1.jpg').unlink()


def empty_list(root: Path) -> None:
    write_text(root / 'ImageSets/Main/test.txt', '\n')


def empty_file(root: Path) -> None:
    file = next(iter([*root.glob('annotations/test.json'), *root.glob('test/_*.json')]))
    write_text(file, json.dumps({'images': [], 'annotations': None, 'categories': []}))


@pytest.mark.parametrize(
    ('build', 'change'),
    [
        (folders.plain, empty_file),
        (folders.roboflow, empty_file),
        (folders.voc, empty_list),
        (folders.yolo, no_image),
    ],
    ids=lambda item: item.__name__,
)
def test_an_empty_test_split_is_left_out(build, change, tmp_path, out_dir):
    build(tmp_path)
    change(tmp_path)
    assert sum('the test split is left out' in note for note in check_val(tmp_path, out_dir)) == 1
    with pytest.raises(UserError, match=r'(/test\.|/test/_|\(test\)).* (has no|lacks|names) '):
        load_detection(tmp_path, out_dir, splits=['test'])


@pytest.mark.parametrize(
    ('build', 'name', 'notes'),
    [
        (folders.plain, 'annotations/._val.json', 0),
        (folders.one_file, 'annotations/._everything.json', 1),
        (folders.voc, 'ImageSets/Main/._val.txt', 0),
    ],
)
def test_hidden_files_of_macos_are_ignored(build, name, notes, tmp_path, out_dir):
    build(tmp_path)
    (tmp_path / name).write_bytes(b'\0\5')
    assert len(load_detection(tmp_path, out_dir).notes) == notes


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


@pytest.mark.parametrize(
    'content', [b'', b'{"images": [', b'\xff\xfe\xfd', b'[' * 200_000, b'[]', b'null'], ids=lambda item: str(item[:9])
)
def test_files_that_are_not_coco(content, plain_root, out_dir):
    (plain_root / 'annotations/val.json').write_bytes(content)
    with pytest.raises(UserError, match=r'annotations/val\.json (is not a readable JSON|must hold a COCO object)'):
        load_detection(plain_root, out_dir)


def test_both_parts_of_a_split_have_boxes(tmp_path, out_dir):
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


def test_a_byte_order_mark_is_removed(plain_root, out_dir):
    file = plain_root / 'annotations/val.json'
    file.write_bytes(b'\xef\xbb\xbf' + file.read_bytes())
    assert json.loads(load_detection(plain_root, out_dir).splits['val'].ann_file.read_text())['images']


@pytest.mark.parametrize(('encoding', 'in_place'), [('cp1252', False), ('ANSI_X3.4-1968', False), ('UTF-8', True)])
def test_names_that_pycocotools_would_misread(encoding, in_place, plain_root, out_dir, monkeypatch):
    """It opens files in the system's encoding, and then no category has the name that is asked for."""
    monkeypatch.setattr('locale.getpreferredencoding', lambda *_: encoding)
    for file in plain_root.glob('annotations/*.json'):
        file.write_text(file.read_text().replace('"dog"', '"dög"'), encoding='utf-8')
    split = load_detection(plain_root, out_dir).splits['train']
    assert (split.ann_file == plain_root / 'annotations/train.json') is in_place
    assert in_place or json.loads(split.ann_file.read_text('ascii'))['categories'][1]['name'] == 'dög'


@pytest.mark.parametrize('more', [{}, {'b': [], 'c': []}])
def test_a_single_image_with_boxes_cannot_be_split(more, tmp_path, out_dir):
    folders.write_coco(tmp_path / 'annotations/all.json', {'a': [('cat', 4, 6, 20, 10)], **more})
    for stem in ('a', *more):
        folders.write_image(tmp_path / f'images/{stem}.jpg')
    with pytest.raises(UserError, match='no validation split is given, and a single image has boxes to train on'):
        load_detection(tmp_path, out_dir)
