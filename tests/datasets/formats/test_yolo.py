"""YOLO: data.yaml, label files and their defects."""

import json
import shutil

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import TRUTH, rename, write_image, write_text


@pytest.mark.parametrize('way', ['{root}/images/train', 'here/../images/train', 'images\\train', '.\\images\\train'])
def test_paths_in_files(way, tmp_path, out_dir):
    """The folder may also be reached by a link, while its files name the real place."""
    folders.yolo(tmp_path / 'real')
    (tmp_path / 'real/here').mkdir()
    (tmp_path / 'user').symlink_to('real')
    entry = way.format(root=tmp_path / 'real')
    for train in (entry, 'train.txt'):
        write_text(tmp_path / 'real/data.yaml', f'train: {train}\nval: images/val\nnames: [cat, dog]\n')
        slash = '\\' if '\\' in way else '/'
        write_text(tmp_path / 'real/train.txt', ''.join(f'{entry}{slash}{stem}.jpg\n' for stem in TRUTH['train']))
        for root in (tmp_path / 'user', tmp_path / 'real'):
            assert contents(load_detection(root, out_dir).splits['train']) == truth('train')


def test_polygons(tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_text(tmp_path / 'user/labels/val/b1.txt', '1 0.25 0.25 0.75 0.25 0.25 0.75\n')
    content = json.loads(load_detection(tmp_path / 'user', out_dir).splits['val'].ann_file.read_text())
    first = content['annotations'][0]
    assert first['bbox'] == [16, 12, 32, 24]
    assert first['segmentation'] == [[16, 12, 48, 12, 16, 36]]
    assert first['area'] == 32 * 24 / 2


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('0 0.5 0.5 x 0.1', 'is not a row of numbers'),
        ('0 0.5 0.5 nan 0.1', 'must be fractions of the image'),
        ('0 320 240 20 20', 'must be fractions of the image'),
        ('0 0.5 0.5 -0.1 0.1', 'width and height must not be negative'),
        ('0 0.5 0.5 0.1', 'a row is "class cx cy w h" or'),
        ('7 0.5 0.5 0.1 0.1', 'class 7 is not among the 2 names'),
        ('0.5 0.5 0.5 0.1 0.1', 'class 0.5 is not among the 2 names'),
    ],
)
def test_rows_that_are_no_box(row, message, tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_text(tmp_path / 'user/labels/train/a1.txt', f'0 0.5 0.5 0.1 0.1\n\n{row}\n')
    with pytest.raises(UserError, match=rf'a1\.txt, line 3: .*{message}'):
        load_detection(tmp_path / 'user', out_dir)


@pytest.mark.parametrize(
    ('yaml', 'message'),
    [
        ('train: images/train\nval: images/val\n', '"names" must be a list'),
        ('train: images/train\nval: images/val\nnames: [cat, yes]\n', 'class name True must be text'),
        ('train: images/train\nval: images/x\nnames: [cat, dog]\n', '"val" is \'images/x\', which is neither a folder'),
        (
            'train: ../outside\nval: images/val\nnames: [cat, dog]\n',
            '"train" is \'../outside\', which is neither a folder',
        ),
        ('names: [cat, dog]\n', 'names no images'),
        ('names: [cat, dog\n', 'is not readable YAML'),
        ('train: list.txt\nval: images/val\nnames: [cat, dog]\n', "'../outside/a.jpg' is not inside"),
        ('a list', 'must hold "names"'),
    ],
)
def test_defects_of_data_yaml(yaml, message, tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_image(tmp_path / 'outside/a.jpg')
    write_text(tmp_path / 'user/list.txt', '../outside/a.jpg\n')
    write_text(tmp_path / 'user/data.yaml', yaml)
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path / 'user', out_dir)


def test_lists_of_images_and_of_folders(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.yolo(root)
    write_text(root / 'train.txt', ''.join(f'./images/train/{stem}.jpg\n' for stem in TRUTH['train']))
    yaml = 'train: train.txt\nval: [images/val, images/test]\ntest: ../test/images\nnames: [cat, dog]\n'
    write_text(root / 'data.yaml', yaml)
    data = load_detection(root, out_dir)
    assert contents(data.splits['train']) == truth('train')
    assert contents(data.splits['val']) == truth('val') | truth('test')
    assert any('../test/images, named as its test split, is not there' in note for note in data.notes)


def test_hidden_files_are_ignored(tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_text(tmp_path / 'user/images/train/._a1.jpg', 'what macOS leaves behind')
    assert contents(load_detection(tmp_path / 'user', out_dir).splits['train']) == truth('train')


@pytest.mark.parametrize('key', ['val', 'valid', 'validation', 'dev'])
@pytest.mark.parametrize('build', [folders.yolo, folders.yolo_roboflow])
def test_names_of_the_validation_key(key, build, tmp_path, out_dir):
    build(tmp_path)
    file = tmp_path / 'data.yaml'
    file.write_text(file.read_text().replace('val:', f'{key}:'))
    assert check_val(tmp_path, out_dir) == []


def test_two_validation_splits(tmp_path, out_dir):
    folders.yolo(tmp_path)
    with (tmp_path / 'data.yaml').open('a') as stream:
        stream.write('valid: images/test\n')
    with pytest.raises(UserError, match=r"data\.yaml has val and valid, which are both the split 'val': keep one"):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('name', ['val', 'valid', 'validation', 'Val'])
@pytest.mark.parametrize('pattern', ['images/{}', '{}/images'])
def test_an_unnamed_validation_split_is_refused(name, pattern, tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_text(tmp_path / 'data.yaml', 'train: images/train\nnames: [cat, dog]\n')
    rename(tmp_path, 'images/val', pattern.format(name))
    with pytest.raises(UserError, match=rf'names no validation split, but there is {pattern.format(name)}/'):
        load_detection(tmp_path, out_dir)


def test_labels_without_an_image_are_reported(tmp_path, out_dir):
    folders.yolo(tmp_path)
    for name in ('z1', 'z2', 'classes'):
        write_text(tmp_path / f'labels/train/{name}.txt', '0 0.5 0.5 0.1 0.1\n')
    assert check_val(tmp_path, out_dir) == ['labels without an image, such as labels/train/z1.txt: 2']


def test_an_unnamed_list_is_refused(tmp_path, out_dir):
    folders.yolo(tmp_path)
    for split in ('train', 'val'):
        write_text(tmp_path / f'{split}.txt', '\n'.join(f'images/{split}/{stem}.jpg' for stem in TRUTH[split]))
    write_text(tmp_path / 'data.yaml', 'train: train.txt\nval: val.txt\nnames: [cat, dog]\n')
    assert check_val(tmp_path, out_dir) == []
    (tmp_path / 'images/val').rename(tmp_path / 'images/more')
    write_text(tmp_path / 'data.yaml', 'train: train.txt\nnames: [cat, dog]\n')
    with pytest.raises(UserError, match=r'names no validation split, but there is val\.txt: name it there'):
        load_detection(tmp_path, out_dir)


def test_validation_on_the_training_images(tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_text(tmp_path / 'data.yaml', 'train: images/train\nval: [images/train]\nnames: [cat, dog]\n')
    assert (
        'data.yaml: val names the same images as train, which makes no validation split'
        in load_detection(tmp_path, out_dir).notes
    )


def test_no_labels(tmp_path, out_dir):
    folders.yolo(tmp_path)
    shutil.rmtree(tmp_path / 'labels')
    with pytest.raises(UserError, match=r'data\.yaml \(train\) has no annotations'):
        load_detection(tmp_path, out_dir)
