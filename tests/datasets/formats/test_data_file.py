"""A YAML file that says where the images and annotations of each split are."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mmbackbones.apis import check_data
from mmbackbones.datasets import has_boxes, has_label_maps, load_detection, load_segmentation
from mmbackbones.datasets.formats import find_format
from mmbackbones.datasets.formats.data_file import EXAMPLE, EXAMPLE_WITH_MASKS
from mmbackbones.errors import UserError
from tests.helpers import detection_folders
from tests.helpers.exports.plain import coco, write_json
from tests.helpers.painted import CLASSES, COLORS, SCENES, check_boxes, color_map, label_map, paint
from tests.helpers.segmentation_folders import listed

TRAIN_VAL = ('train', 'val')
TRAIN = '{images: ../photos/train, annotations: ../lists/a.json}'


@pytest.fixture
def file(tmp_path) -> Path:
    """A file whose images, annotations and label maps are in folders beside its own; images are in two places."""
    for split in ('train', 'val'):
        for scene in SCENES[split]:
            paint(tmp_path / f'photos/{split}/{scene.stem}.png', scene)
            (tmp_path / f'labels/{split}').mkdir(parents=True, exist_ok=True)
            values = {name: 10 * number for number, name in enumerate(CLASSES, 1)}
            label_map(scene, values).save(tmp_path / f'labels/{split}/{scene.stem}.png')
        write_json(tmp_path / 'lists' / {'train': 'a.json', 'val': 'b.json'}[split], coco(SCENES[split], '{}.png'))
    (tmp_path / 'mine').mkdir()
    return tmp_path / 'mine/my.yaml'


def write(file: Path, text: str) -> Path:
    file.write_text(text)
    return file


def test_boxes(file, out_dir):
    write(file, f'train: {TRAIN}\nvalid:\n  images: {file.parents[1]}/photos/val\n  annotations: ../lists/b.json\n')
    assert has_boxes(file)
    assert not has_label_maps(str(file))
    data = load_detection(file, out_dir)
    check_boxes(data, {split: SCENES[split] for split in ('train', 'val')})
    assert (data.root, data.format) == (file, 'data file')
    assert data.summary.startswith(f'{file}: data file, 3 classes; train 10 images')
    assert data.splits['val'].ann_file == file.parents[1] / 'lists/b.json'  # used in place
    with pytest.raises(UserError, match=r'my.yaml has boxes of each split, but a segmentor needs label maps'):
        find_format(file, 'label maps')
    with pytest.raises(UserError, match=r'lists/a.json: .* mask'):
        load_segmentation(file, out_dir)


def test_masks_of_objects(file, out_dir):
    write_json(file.parents[1] / 'lists/a.json', coco(SCENES['train'], '{}.png', masks=True))
    write(file, f'train: {TRAIN}\n')
    data = load_segmentation(file, out_dir)
    assert data.format == 'object masks'
    assert data.classes == ('background', *CLASSES)
    assert check_data(file, label_maps=True).ready_for == ('UperNet', 'Semantic FPN')


def test_without_a_validation_split(file, out_dir):
    data = load_detection(write(file, f'train: {TRAIN}\n'), out_dir)
    check_boxes(data, {'train': SCENES['train']}, divided=True)


def test_images_must_be_in_their_folder(file, out_dir):
    for scene in SCENES['train']:
        paint(file.parents[1] / f'photos/other/x_{scene.stem}.png', scene)
    write_json(file.parents[1] / 'lists/a.json', coco(SCENES['train'], '../other/x_{}.png'))
    with pytest.raises(UserError, match=r"'../other/x_image_00.png' is not inside the data folder .*/photos/train"):
        load_detection(write(file, f'train: {TRAIN}\n'), out_dir)


@pytest.mark.parametrize(
    ('classes', 'names'),
    [
        ('{0: background, 10: cat, 20: dog, 30: bird}', ('background', *CLASSES)),
        ('{30: bird, 20: dog, 10: cat, 0: void}', ('bird', 'dog', 'cat')),
    ],
)
def test_label_maps(file, out_dir, classes, names):
    splits = ''.join(
        f'{split}: {{images: ../photos/{split}, masks: ../labels/{split}}}\n' for split in ('train', 'val')
    )
    write(file, f'{splits}classes: {classes}\n')
    assert has_label_maps(file)
    assert not has_boxes(file)
    data = load_segmentation(file, out_dir)
    assert data.format == 'data file'
    assert data.classes == names
    assert {row.value: row.name for row in data.rows} == {
        '0': 'background' if 'background' in names else None, '10': 'cat', '20': 'dog', '30': 'bird'
    }  # fmt: skip
    with pytest.raises(UserError, match=r'my.yaml has label maps of each split, but a detector needs boxes'):
        load_detection(file, out_dir)


def test_label_maps_in_colors(file, out_dir):
    for scene in (*SCENES['train'], *SCENES['val']):
        for path in file.parent.parent.glob(f'labels/*/{scene.stem}.png'):
            color_map(scene, COLORS).save(path)
    write(file, ''.join(f'{split}: {{images: ../photos/{split}, masks: ../labels/{split}}}\n' for split in TRAIN_VAL))
    (file.parent / 'class_dict.csv').write_text(
        'name,r,g,b\nbackground,0,0,0\n' + ''.join(f'{name},{r},{g},{b}\n' for name, (r, g, b) in COLORS.items())
    )
    assert load_segmentation(file, out_dir).classes == ('background', *CLASSES)
    (file.parent / 'class_dict.csv').unlink()
    with pytest.raises(UserError, match='is a color image, but no file in .*/mine says which color is which class'):
        load_segmentation(file, out_dir)


def test_label_maps_in_the_folder_of_images(file, out_dir):
    (file.parents[1] / 'labels/train').rename(file.parents[1] / 'photos/train/.maps')
    classes = '{10: cat, 20: dog, 30: bird, 0: void}'
    write(file, f'train: {{images: ../photos/train, masks: ../photos/train/.maps}}\nclasses: {classes}\n')
    assert load_segmentation(file, out_dir).splits['train'].images == 8


def test_label_maps_and_a_list_of_classes_with_the_background(file, out_dir):
    for path in file.parent.parent.glob('labels/*/*.png'):
        Image.fromarray((np.array(Image.open(path)) // 10).astype(np.uint8)).save(path)
    maps = 'train: {images: ../photos/train, masks: ../labels/train}\n'
    data = load_segmentation(write(file, f'{maps}classes: [background, cat, dog, bird]'), out_dir)
    assert data.classes == ('background', *CLASSES)
    notes = ' '.join(load_segmentation(write(file, maps), out_dir).notes)
    assert f'a line in {file} would: classes: {{0: NAME, 1: NAME, 2: NAME, ...}}' in notes


def test_the_file_is_named_where_a_split_is_missing(file):
    with pytest.raises(UserError, match=r'my.yaml \(data file\) has no split train, only val'):
        check_data(write(file, f'val: {TRAIN}'))


def test_label_maps_and_a_list_of_classes(file, out_dir):
    for path in file.parent.parent.glob('labels/*/*.png'):
        Image.fromarray((np.array(Image.open(path)) // 10).astype(np.uint8)).save(path)
    splits = ''.join(
        f'{split}: {{images: ../photos/{split}, masks: ../labels/{split}}}\n' for split in ('train', 'val')
    )
    data = load_segmentation(write(file, f'{splits}classes: [cat, dog, bird]\n'), out_dir)
    assert data.classes == CLASSES
    for split in ('train', 'val'):
        assert [Path(image).stem for image, _ in listed(data, split)] == [scene.stem for scene in SCENES[split]]
    report = check_data(file)
    assert report.boxes is None
    assert report.ready_for == ('UperNet', 'Semantic FPN')


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('- a', r'my.yaml must hold a table with train, val, test, each {images: FOLDER, annotations: COCO_FILE} or'),
        ('{}', 'my.yaml names no split: it needs "train"'),
        ('train: photos', '"train" is \'photos\', but must be {images: FOLDER'),
        (f'trian: {TRAIN}', "has the key 'trian'; the keys are train, val, test, classes; did you mean train"),
        (f'train: {TRAIN}\npath: /data', "has the key 'path'; the keys are train, val, test, classes$"),
        (
            'train: {image: a, annotations: b}',
            '"train" has the key \'image\'; the keys are images, .*; did you mean images',
        ),
        ('train: {images: ../photos/train}', '"train" has images only, but must be {images: FOLDER'),
        ('train: {annotations: ../lists/a.json}', '"train" has annotations only, but must be {images: FOLDER'),
        ('train: {}', '"train" has nothing, but must be {images: FOLDER'),
        ('train: {images: 5, annotations: b}', '"images" of "train" is 5, but must be one path'),
        ('train: {images: "", annotations: b}', '"images" of "train" is \'\', but must be one path'),
        ('train: {images: "a\\0b", annotations: b}', '"images" of "train" is .*, but must be one path'),
        ('train: {images: a, annotations: b}', 'the images of "train" are not there: .*/mine/a does not exist'),
        ('train: {images: my.yaml, annotations: b}', 'the images of "train" must be a folder, but .*my.yaml is a file'),
        ('train: {images: ../photo, masks: b}', 'are not there: .*/photo does not exist; did you mean .*/photos?'),
        ('train: {images: C:\\a, masks: b}', r'the images of "train" are not there: C:\\a is a path of Windows'),
        ('train: photos', 'but must be {images: FOLDER, .*; a YAML file of Ultralytics needs "names" as well'),
        ('train: {images: ., annotations: b}', 'the annotations of "train" are not there: .*/mine/b does not exist'),
        ('train: {images: ., annotations: .}', 'the annotations of "train" must be a COCO file, but .* is a folder'),
        ('train: {images: ., masks: b}', 'the masks of "train" are not there: .*/mine/b does not exist'),
        (f'val: {TRAIN}\nvalid: {TRAIN}', "has val and valid, which are both the split 'val': keep one"),
        (
            f'train: {TRAIN}\nval: {{images: ., masks: .}}',
            'all splits must be annotated with the same, .* but train has images and annotations; val has images and '
            'masks',
        ),
        (f'train: {TRAIN}\nclasses: [a, b]', '"classes" names the values of masks; annotations name their classes'),
        ('train: {images: ., masks: .}\nclasses: road', '"classes" must be a list of names, or a table value: name'),
        ('train: {images: ., masks: .}\nclasses: [yes, no]', '"classes" must be a list of names, .* in quotes'),
        ('train: {images: ., masks: .}\nclasses: []', '"classes" must name 1 to 254 classes, but names 0'),
        ('train: {images: ., masks: .}\nclasses: [a, a]', '"classes" has \'a\' more than once'),
        ('train: {images: ., masks: .}\nclasses: {-1: a, 0: b}', '"classes" has the value -1; values are 0 to 65535'),
        ('train: {images: ., masks: .}\nclasses: {x: a, 0: b}', '"classes" has the value \'x\'; values are 0 to 65535'),
        ('train: [', 'my.yaml is not readable YAML'),
    ],
)
def test_malformed(file, text, message):
    write(file, text)
    for look in (has_boxes, has_label_maps, check_data, find_format):
        with pytest.raises(UserError, match=message):
            look(file)


def test_pipes(file):
    os.mkfifo(file)
    assert not has_boxes(file)
    with pytest.raises(UserError, match='is neither a folder nor a file'):
        find_format(file)
    file.unlink()
    os.mkfifo(file.parent / 'pipe.json')
    paint(file.parent / 'a.png', SCENES['train'][0])
    write(file, 'train: {images: ., annotations: pipe.json}')
    with pytest.raises(UserError, match=r'pipe.json is not a readable JSON file: it is not a regular file'):
        check_data(file)


@pytest.mark.parametrize('example', [EXAMPLE, EXAMPLE_WITH_MASKS])
def test_examples_of_the_documentation(file, example):
    """They are well-formed: only what they name is not there."""
    with pytest.raises(UserError, match='are not there: .* does not exist'):
        find_format(write(file, example))


def test_the_file_of_a_folder_of_boxes_in_text_files(tmp_path):
    detection_folders.yolo(tmp_path)
    found = find_format(tmp_path / 'data.yaml')
    assert found.name == 'YOLO'
    assert list(found.splits) == ['train', 'val', 'test']
    json.dumps(found.read('val').data)
