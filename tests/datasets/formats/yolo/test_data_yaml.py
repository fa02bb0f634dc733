"""YOLO: data.yaml, label files and their defects."""

import json
import os
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
        ('-1 0.5 0.5 0.1 0.1', 'class -1 is not among the 2 names'),
        ('0 0.5 0.5 0.1 0.1 0.93', r'as in predictions with their confidence \(save_conf\), which are no annotations'),
        ('0 0.1 0.1 0.5 0.1 0.5 0.5 0.93', 'a row is "class cx cy w h" or'),
        ('100 200 150 200 150 260 100 260 cat 0', 'is not a row of numbers'),
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
        (
            'train: images/train\nval: images/x\nnames: [cat, dog]\n',
            '"val" is \'images/x\', which is neither a folder .*, whose images are in images/',
        ),
        (
            'train: ../outside\nval: images/val\nnames: [cat, dog]\n',
            '"train" is \'../outside\', which is neither a folder',
        ),
        ('names: [cat, dog]\n', 'names no images'),
        ('names: [cat, dog\n', 'is not readable YAML'),
        ('train: list.txt\nval: images/val\nnames: [cat, dog]\n', "'../outside/a.jpg' is not inside"),
        ('a list', 'must hold "names"'),
        ('train: images/train\nval: images/val\nnc: 3\nnames: [cat, dog]\n', '"nc" is 3, but there are 2 "names"'),
        ('train: images/train\nval: images/val\nnames: [cat, dog]\nkpt_shape: 17\n', '"kpt_shape" must be'),
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


@pytest.mark.parametrize('names', ['[cat, dog]', '{0: cat, 1: dog}', '{"0": cat, "1": dog}', '\n- cat\n- dog'])
def test_forms_of_names(names, tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_text(tmp_path / 'data.yaml', f'train: images/train\nval: images/val\nnc: 2\nnames: {names}\n')
    assert contents(load_detection(tmp_path, out_dir).splits['val']) == truth('val')


def test_names_that_are_not_utf_8(tmp_path, out_dir):
    folders.yolo(tmp_path)
    name = os.fsdecode(b'caf\xe9 1.2')
    for place, suffix in (('images', 'jpg'), ('labels', 'txt')):
        (tmp_path / f'{place}/train/a1.{suffix}').rename(tmp_path / f'{place}/train/{name}.{suffix}')
    assert load_detection(tmp_path, out_dir).splits['train'].boxes == 4


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


@pytest.mark.parametrize('rows', [None, '', ' \n\n'])
def test_no_labels(rows, tmp_path, out_dir):
    folders.yolo(tmp_path)
    shutil.rmtree(tmp_path / 'labels')
    for split, stems in TRUTH.items() if rows is not None else ():
        for stem in stems:
            write_text(tmp_path / f'labels/{split}/{stem}.txt', rows)
    message = (
        r'data\.yaml \(train\) has no annotations: no image .* \(images/train/a1.jpg would have labels/train/a1.txt'
    )
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path, out_dir)


def test_no_labels_of_the_validation_split(tmp_path, out_dir):
    folders.yolo(tmp_path)
    shutil.rmtree(tmp_path / 'labels/val')
    with pytest.raises(UserError, match=r'data\.yaml \(val\) has no annotations'):
        load_detection(tmp_path, out_dir)


def test_labels_of_other_names(tmp_path, out_dir):
    folders.yolo(tmp_path)
    for stem in ('a1', 'a3', 'a4', 'b1', 'c1'):
        for file in tmp_path.glob(f'labels/*/{stem}.txt'):
            file.rename(file.with_name(f'{stem}_label.txt'))
    message = (
        '6 of its 7 images have no label file, while 5 label files have no image, such as labels/train/a1_label.txt, '
        r'which seems to belong to images/train/a1.jpg: give it the same name, .* \(labels/train/a1.txt\)'
    )
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('name', ['train/a1.jpg.txt', 'train/A1.txt', 'train/%611.txt', 'val/a1.txt'])
def test_one_label_of_another_name(name, tmp_path, out_dir):
    """Even one image would be background without need."""
    folders.yolo(tmp_path)
    rename(tmp_path, 'labels/train/a1.txt', f'labels/{name}')
    message = f'such as labels/{name}, which seems to belong to images/train/a1.jpg: give it the same name'
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path, out_dir)


def test_two_label_files(tmp_path, out_dir):
    folders.yolo(tmp_path)
    shutil.copy(tmp_path / 'labels/train/a1.txt', tmp_path / 'images/train/a1.txt')
    assert contents(load_detection(tmp_path, out_dir).splits['train']) == truth('train')
    write_text(tmp_path / 'images/train/a1.txt', '0 0.5 0.5 0.1 0.1\n')
    message = 'a1.jpg has two label files, labels/train/a1.txt and images/train/a1.txt, which differ: remove one'
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path, out_dir)


def test_class_indices_as_decimals(tmp_path, out_dir):
    folders.yolo(tmp_path)
    for file in tmp_path.glob('labels/*/*.txt'):
        write_text(file, ''.join(f'{line[0]}.0 {line[2:]}\n' for line in file.read_text().splitlines()))
    assert contents(load_detection(tmp_path, out_dir).splits['train']) == truth('train')


def test_tracks(tmp_path, out_dir):
    folders.yolo(tmp_path)
    write_text(tmp_path / 'labels/val/b1.txt', f'{folders.yolo_row("dog", 8, 8, 16, 16)} 12\n')
    data = load_detection(tmp_path, out_dir)
    assert contents(data.splits['val']) == truth('val')
    assert 'data.yaml: a whole number behind a box is the number of its track, which is not used' in data.notes


def to_corners(root, turned=False):
    """Write each box as four corners."""
    for file in root.glob('labels/*/*.txt'):
        rows = []
        for line in file.read_text().splitlines():
            label, x, y, w, h = map(float, line.split())
            shifts = ((0, -1), (1, 0), (0, 1), (-1, 0)) if turned else ((-1, -1), (1, -1), (1, 1), (-1, 1))
            corners = ' '.join(f'{x + dx * w / 2:.6f} {y + dy * h / 2:.6f}' for dx, dy in shifts)
            rows.append(f'{label:g} {corners}\n')
        write_text(file, ''.join(rows))


@pytest.mark.parametrize('turned', [True, False])
def test_oriented_boxes(turned, tmp_path, out_dir):
    """Rows of four corners alone are oriented boxes, unless a line in data.yaml says that they are masks."""
    folders.yolo(tmp_path)
    to_corners(tmp_path, turned)
    data = load_detection(tmp_path, out_dir)
    assert contents(data.splits['val']) == truth('val')
    assert any('oriented boxes (OBB), each read as the upright box' in note for note in data.notes)
    assert 'segmentation' not in data.splits['val'].ann_file.read_text()
    with pytest.raises(
        UserError, match='Mask R-CNN needs a mask .* oriented boxes .* write "task: segment" in a data.yaml'
    ):
        load_detection(tmp_path, out_dir, masks=True)
    with (tmp_path / 'data.yaml').open('a') as stream:
        stream.write('task: segment\n')
    data = load_detection(tmp_path, out_dir, masks=True)
    assert not any('OBB' in note for note in data.notes)
    assert contents(data.splits['val']) == truth('val')


@pytest.mark.parametrize('split', ['train', 'test'])
def test_one_other_row_tells_masks_from_oriented_boxes(split, tmp_path, out_dir):
    folders.yolo(tmp_path)
    to_corners(tmp_path)
    with next((tmp_path / 'labels' / split).iterdir()).open('a') as stream:
        stream.write('1 0.1 0.1 0.5 0.1 0.3 0.5\n')
    data = load_detection(tmp_path, out_dir, masks=True)
    assert not any('OBB' in note for note in data.notes)


@pytest.mark.parametrize('sign', ['task', 'README'])
def test_oriented_boxes_that_are_called_so(sign, tmp_path, out_dir):
    folders.yolo(tmp_path)
    if sign == 'task':
        with (tmp_path / 'data.yaml').open('a') as stream:
            stream.write('task: obb\n')
    else:
        text = 'Pets are annotated in YOLOv8 Oriented Object Detection format.\n'
        write_text(tmp_path / 'README.roboflow.txt', text)
    write_text(tmp_path / 'labels/val/b1.txt', '1 0.25 0.25 0.75 0.25 0.25 0.75\n')
    content = json.loads(load_detection(tmp_path, out_dir).splits['val'].ann_file.read_text())
    assert content['annotations'][0]['bbox'] == [16, 12, 32, 24]
    assert 'segmentation' not in content['annotations'][0]


def test_keypoints(tmp_path, out_dir):
    folders.yolo(tmp_path)
    with (tmp_path / 'data.yaml').open('a') as stream:
        stream.write('kpt_shape: [1, 3]\n')
    row = folders.yolo_row('dog', 8, 8, 16, 16)
    write_text(tmp_path / 'labels/val/b1.txt', f'{row} 0.5 0.5 2\n')
    assert contents(load_detection(tmp_path, out_dir).splits['val']) == truth('val')
    write_text(tmp_path / 'labels/val/b1.txt', f'{row} 0.5 0.5\n')
    with pytest.raises(UserError, match=r'b1\.txt, line 1: has 6 numbers after the class, but .* needs 7'):
        load_detection(tmp_path, out_dir)
