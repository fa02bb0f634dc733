"""labelme's JSON files: images and their files, shapes, joined objects, defects; and ISAT's."""

import base64
import io
import json
import os
import re
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats import find_format
from mmbackbones.errors import UserError
from tests.helpers.exports.json_per_image import ALL, as_polygon, as_rectangle, isat, labelme, write
from tests.helpers.exports.plain import write_json
from tests.helpers.painted import SCENES, SCENES_WITH_MASKS, paint

SCENE = ALL[0]
STEM = SCENE.stem


@pytest.fixture
def root(tmp_path):
    """Training images `image_00` to `image_09`, the last without objects, and three for validation."""
    for split in ('train', 'val'):
        for scene in SCENES[split]:
            write(tmp_path / 'user', scene, labelme(scene, as_polygon), split, split)
    return tmp_path / 'user'


def edit(file, **changes) -> None:
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))


def edit_shape(root, **changes) -> None:
    """Change the first shape of the first image."""
    file = root / f'train/{STEM}.json'
    content = json.loads(file.read_text())
    content['shapes'][0] |= changes
    file.write_text(json.dumps(content))


def load(root, out_dir, **options):
    data = load_detection(root, out_dir, **options)
    return data, json.loads(data.splits['train'].ann_file.read_text())


def objects_of(content, stem=STEM) -> list[dict]:
    number = next(item['id'] for item in content['images'] if item['file_name'].endswith(f'{stem}.jpg'))
    return [item for item in content['annotations'] if item['image_id'] == number]


def refused(root, out_dir) -> str:
    with pytest.raises(UserError) as caught:
        load_detection(root, out_dir)
    return str(caught.value).replace(f'{root}/', '').replace(str(root), '.')


def png(pixels, mode=None) -> str:
    stream = io.BytesIO()
    image = Image.fromarray(np.asarray(pixels, np.uint8))
    (image.convert(mode) if mode else image).save(stream, 'PNG')
    return base64.b64encode(stream.getvalue()).decode()


def test_the_same_as_plain_coco(root, tmp_path, out_dir):
    """What is read, written as plain COCO, reads the same."""
    data = load_detection(root, out_dir, masks=True)
    for split, part in data.splits.items():
        (tmp_path / 'coco/annotations').mkdir(parents=True, exist_ok=True)
        (tmp_path / f'coco/annotations/{split}.json').write_bytes(part.ann_file.read_bytes())
        os.symlink(root / split, tmp_path / f'coco/{split}')
        content = json.loads(part.ann_file.read_text())
        for image in content['images']:
            image['file_name'] = image['file_name'].removeprefix(f'{split}/')
        (tmp_path / f'coco/annotations/{split}.json').write_text(json.dumps(content))
    again = load_detection(tmp_path / 'coco', tmp_path / 'out2', masks=True)
    assert (again.format, again.classes) == ('plain COCO', data.classes)
    for split, part in data.splits.items():
        before, after = (json.loads(item.ann_file.read_text()) for item in (part, again.splits[split]))
        assert before['annotations'] == after['annotations']
        assert before['categories'] == after['categories']


def test_images_without_a_file(root, out_dir):
    paint(root / 'train/more.jpg', SCENE)
    paint(root / f'train/{STEM}.png', SCENE)  # a mask, perhaps
    data = load_detection(root, out_dir)
    assert (data.splits['train'].images, data.splits['train'].backgrounds) == (11, 2)
    note = 'images without a JSON file, which are taken for images without objects, such as train/more.jpg: 1'
    assert f'train/*.json: {note}' in data.notes
    for number in range(10):
        paint(root / f'train/more{number}.jpg', SCENE)
    assert refused(root, out_dir) == (
        'train/*.json: 11 of the 21 images beside these files have none, such as train/more.jpg: annotate them, '
        'or move '
        'them to another folder'
    )


def test_images_of_all_splits_in_one_folder(tmp_path, out_dir):
    """An image without a file might be of any split."""
    for split in ('train', 'val'):
        for scene in SCENES[split]:
            write(tmp_path, scene, labelme(scene), 'images', f'labels/{split}')
    paint(tmp_path / 'images/more.jpg', SCENE)
    data = load_detection(tmp_path, out_dir)
    assert {split: part.images for split, part in data.splits.items()} == {'train': 10, 'val': 3}


def test_files_of_all_splits_in_one_folder(tmp_path, out_dir):
    for split in ('train', 'val'):
        for scene in SCENES[split]:
            write(tmp_path, scene, labelme(scene), f'images/{split}', 'json')
    data = load_detection(tmp_path, out_dir)
    assert {split: part.images for split, part in data.splits.items()} == {'train': 10, 'val': 3}


def test_suffixes_in_upper_case(root, out_dir):
    for file in [*root.glob('*/*.json'), *root.glob('*/*.jpg')]:
        file.rename(file.with_suffix(file.suffix.upper()))
    assert load_detection(root, out_dir).splits['train'].boxes == 18


def test_equal_names_in_each_split(tmp_path, out_dir):
    for split in ('train', 'val'):
        for scene in SCENES['train']:
            write(tmp_path, scene, labelme(scene), f'{split}/images', f'{split}/labels')
    data, content = load(tmp_path, out_dir)
    assert data.splits['val'].images == 10
    assert {item['file_name'].split('/')[0] for item in content['images']} == {'train'}


@pytest.mark.parametrize('named', ['..\\day\\photo.jpg', 'C:\\photo.jpg', '/mnt/photo.jpg', 'photo.jpg'])
def test_image_of_another_name(named, root, out_dir):
    (root / f'train/{STEM}.jpg').rename(root / 'train/photo.jpg')
    edit(root / f'train/{STEM}.json', imagePath=named)
    _, content = load(root, out_dir)
    assert len(objects_of(content, 'photo')) == 2


def test_two_images_of_one_name(root, out_dir):
    paint(root / f'train/{STEM}.png', SCENE)
    assert objects_of(load(root, out_dir)[1])  # the file names the JPEG
    edit(root / f'train/{STEM}.json', imagePath='')
    assert refused(root, out_dir) == (
        f'train/{STEM}.json may belong to train/{STEM}.jpg or to train/{STEM}.png: keep one, or give them '
        'different names'
    )


@pytest.mark.parametrize(
    ('changes', 'reason', 'advice'),
    [
        (
            {},
            f"there is no image {STEM}.* beside it, nor '{STEM}.jpg', which it names",
            'add the image, or delete the file',
        ),
        ({'imagePath': None}, f'there is no image {STEM}.* beside it', 'add the image, or delete the file'),
    ],
)
def test_file_without_an_image(changes, reason, advice, root, out_dir):
    (root / f'train/{STEM}.jpg').unlink()
    edit(root / f'train/{STEM}.json', **changes)
    assert refused(root, out_dir) == f'train/{STEM}.json: {reason}; 1 of 10 JSON files has no image: {advice}'


def test_images_inside_of_the_files(root, out_dir):
    """The command of the message extracts them."""
    for file in root.glob('train/*.json'):
        image = file.with_suffix('.jpg')
        edit(file, imageData=base64.b64encode(image.read_bytes()).decode())
        if file.stem != STEM:
            image.unlink()
    message, command = refused(root, out_dir).split('\n')
    assert message == (
        'train/image_01.json: the image is only inside of the file, as "imageData"; 9 of 10 JSON files have no image: '
        'extract the images with'
    )
    command = command.replace("Path('", f"Path('{root}/").replace('python', sys.executable)
    subprocess.run(command, shell=True, check=True)
    part = load_detection(root, out_dir).splits['train']
    assert (part.images, part.boxes) == (10, 18)


def test_two_files_of_one_image(root, out_dir):
    write_json(root / 'train/other.json', labelme(SCENE))
    assert (
        refused(root, out_dir)
        == f'train/{STEM}.jpg has two JSON files, train/{STEM}.json and train/other.json: keep one'
    )


def test_size_of_another_image(root, out_dir):
    edit(root / f'train/{STEM}.json', imageWidth=1000)
    width, height = SCENE.size
    assert refused(root, out_dir) == (
        f'train/{STEM}.json: the image train/{STEM}.jpg is said to be 1000x{height} pixels, but its file is '
        f'{width}x{height}'
    )


def test_other_json_files(root, out_dir):
    write_json(root / 'train/settings.json', {'a': 1})
    write_json(root / 'train/list.json', [1])
    assert load_detection(root, out_dir).splits['train'].images == 10
    write_json(root / f'train/{STEM}.json', {'a': 1})
    assert refused(root, out_dir) == (
        f'train/{STEM}.json is not a file of labelme, although it is called as an image is: move it away'
    )


def test_folders_of_no_split(root, out_dir):
    write(root, ALL[-1], labelme(ALL[-1]), 'more', 'more')
    assert f'{root}: not used: more/{ALL[-1].stem}.json' in load_detection(root, out_dir).notes


def test_shapes_that_are_no_objects(root, out_dir):
    kinds = ['line', 'linestrip', 'point', 'points', 'point']
    shapes = [{'label': 'cat', 'points': [[1, 1]], 'shape_type': kind} for kind in kinds]
    others = [{'label': '__ignore__', 'points': [[1, 1], [5, 1], [5, 5]]}, {'label': 'cat', 'points': [[1, 1], [5, 1]]}]
    edit(root / f'train/{STEM}.json', shapes=[*shapes, *others])
    data, content = load(root, out_dir)
    assert not objects_of(content)
    assert (
        'train/*.json: shapes that are no objects are left out (__ignore__: 1, line: 1, linestrip: 1, point: 2, '
        'points: '
        '1, polygon with fewer than three corners: 1)'
    ) in data.notes


@pytest.mark.parametrize(
    'changes', [{'difficult': True}, {'flags': {'difficult': True}}, {'flags': {'crowd': True, 'blurred': True}}]
)
def test_crowds(changes, root, out_dir):
    edit_shape(root, **changes)
    assert [item['iscrowd'] for item in objects_of(load(root, out_dir)[1])] == [1, 0]


@pytest.mark.parametrize(
    'changes', [{'difficult': False}, {'flags': {'difficult': False, 'blurred': True}}, {'flags': None}]
)
def test_no_crowds(changes, root, out_dir):
    edit_shape(root, **changes)
    assert [item['iscrowd'] for item in objects_of(load(root, out_dir)[1])] == [0, 0]


def shape(label='cat', points=((2, 2), (12, 2), (12, 12), (2, 12)), **others) -> dict:
    return {'label': label, 'points': [list(point) for point in points], 'shape_type': 'polygon', **others}


def test_joined_polygons(root, out_dir):
    far = ((30, 30), (40, 30), (40, 50))
    shapes = [
        shape(group_id=1),
        shape(points=far, group_id=1, difficult=True),
        shape(points=far, group_id=2),
        shape('dog', far, group_id=1),
        shape('dog', group_id=None),
        shape('dog', group_id=''),
        shape('dog', ((2, 2), (12, 12)), group_id=1, shape_type='rectangle'),  # boxes are objects of their own
    ]
    edit(root / f'train/{STEM}.json', shapes=shapes)
    data, content = load(root, out_dir)
    found = objects_of(content)
    assert [len(item.get('segmentation', [])) for item in found] == [2, 1, 1, 1, 1, 0]
    assert found[0]['bbox'] == [2, 2, 38, 48]
    assert found[0]['area'] == 100 + 100
    assert [item['iscrowd'] for item in found] == [1, 0, 0, 0, 0, 0]
    assert 'train/*.json: shapes joined with another one of the same label and group to one object: 1' in data.notes


def test_joined_masks(root, out_dir):
    """A patch that reaches out of the image, and a polygon."""
    patch = shape(points=((-2, 4), (2, 6)), shape_type='mask', mask=png([[0, 0, 1, 1, 0]] * 3), group_id=7)
    edit(
        root / f'train/{STEM}.json', shapes=[patch, shape(points=((20, 20), (30, 20), (30, 30), (20, 30)), group_id=7)]
    )
    (item,) = objects_of(load(root, out_dir, masks=False)[1])
    assert item['bbox'] == [0, 4, 30, 26]
    assert item['area'] == 2 * 3 + 100
    assert item['segmentation']['size'] == list(SCENE.size[::-1])


@pytest.mark.parametrize('mode', ['1', 'L', 'P'])
def test_modes_of_masks(mode, root, out_dir):
    mask = png([[0, 255], [255, 255]], mode)
    edit(root / f'train/{STEM}.json', shapes=[shape(points=((5, 5), (6, 6)), shape_type='mask', mask=mask)])
    (item,) = objects_of(load(root, out_dir)[1])
    assert (item['bbox'], item['area']) == ([5, 5, 2, 2], 3)


def test_a_mask_without_pixels(root, out_dir):
    mask = png(np.zeros((2, 2)))
    edit(root / f'train/{STEM}.json', shapes=[shape(points=((5, 5), (6, 6)), shape_type='mask', mask=mask)])
    data, content = load(root, out_dir)
    assert not objects_of(content)
    assert 'train/*.json: 1 box without area dropped' in data.notes


def test_a_rectangle_that_is_rotated(root, out_dir):
    """Four corners of a rectangle may be those of any quadrilateral."""
    edit_shape(root, shape_type='rectangle', points=[[10, 5], [20, 15], [10, 25], [0, 15]])
    item = objects_of(load(root, out_dir)[1])[0]
    assert (item['bbox'], item['area']) == ([0, 5, 20, 20], 200)


def test_classes(root, out_dir):
    assert load_detection(root, out_dir).classes == ('bird', 'cat', 'dog')
    (root / 'train/classes.txt').write_text('dog\ncat\nbird\nfish\n')
    assert load_detection(root, out_dir).classes == ('dog', 'cat', 'bird', 'fish')
    (root / 'labels.txt').write_text('\ufeff__ignore__\n_background_\nbird\n\ncat\n')
    assert re.fullmatch(
        r"train/image_0\d\.json has the label 'dog', which labels\.txt does not list: correct one of them, or "
        r'delete the '
        'list',
        refused(root, out_dir),
    )


def test_numbered_objects(root, out_dir):
    """As they were told apart before there were groups."""
    assert not load_detection(root, out_dir).notes
    edit(root / f'train/{STEM}.json', shapes=[shape('cat-1'), shape('cat-2'), shape('dog-1')])
    note = "'cat-1' and 'cat-2' are two classes: rename them if they are two objects of one class"
    assert note in load_detection(root, out_dir).notes


def test_a_class_in_validation_alone(root, out_dir):
    for file in root.glob('train/*.json'):
        file.write_text(file.read_text().replace('bird', 'cat'))
    assert load_detection(root, out_dir).classes == ('bird', 'cat', 'dog')


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        ({'label': ''}, "shape 1 needs the name of a class, but has ''"),
        ({'label': None}, 'shape 1 needs the name of a class, but has None'),
        ({'points': None}, 'shape 1 needs points [[x, y], ...], but has None'),
        ({'points': [[1, 2, 3]]}, 'shape 1 needs points [[x, y], ...], but has [[1, 2, 3]]'),
        ({'points': [[1, True]]}, 'shape 1 needs numbers as coordinates, but has [1, True]'),
        ({'points': [[1, '2']]}, "shape 1 needs numbers as coordinates, but has [1, '2']"),
        ({'points': [[1, float('nan')]]}, 'shape 1 has the coordinate nan, which is not finite and below 1e15'),
        ({'points': [[1, float('inf')]]}, 'shape 1 has the coordinate inf, which is not finite and below 1e15'),
        ({'points': [[1, 10**400]]}, 'shape 1 has the coordinate 1000'),
        ({'shape_type': 'star'}, "shape 1 is of the type 'star'; known are rectangle, circle, mask, polygon, rotation, "
         'oriented_rectangle, quadrilateral, and line, linestrip, point, points, which are left out'),
        ({'shape_type': ['x']}, "shape 1 is of the type ['x']; known are"),
        ({'shape_type': 'rectangle', 'points': [[1, 2]]}, 'shape 1 is a rectangle of 1 points, but needs 2 or 4'),
        ({'shape_type': 'circle'}, 'shape 1 is a circle of 4 points, but needs 2: its center and one on it'),
        ({'group_id': [1]}, 'shape 1 has the group_id [1], which is not a number'),
        ({'shape_type': 'mask'}, 'shape 1 is a mask, which needs 2 points and a PNG in base64 under "mask"'),
    ],
)  # fmt: skip
def test_defects_of_shapes(changes, message, root, out_dir):
    edit_shape(root, **changes)
    assert refused(root, out_dir).startswith(f'train/{STEM}.json: {message}')


@pytest.mark.parametrize(
    ('mask', 'reason'),
    [
        ('?', ''),
        (base64.b64encode(b'no image').decode(), ''),
        (png(np.ones((9, 9))), 'it is 9x9, but its box 3x3'),
        (png(np.ones((3, 3, 3))), 'it has colors (RGB), but should be a mask of 0 and 1'),
    ],
)
def test_defects_of_masks(mask, reason, root, out_dir):
    edit_shape(root, shape_type='mask', points=[[4, 5], [6, 7]], mask=mask)
    assert refused(root, out_dir).startswith(f'train/{STEM}.json: the mask at (4, 5) cannot be read (')
    assert reason in refused(root, out_dir)


def test_a_mask_larger_than_its_image(root, out_dir):
    """It is not decoded: it might need any amount of memory."""
    edit_shape(root, shape_type='mask', points=[[0, 0], [999, 999]], mask=png(np.zeros((1000, 1000))))
    assert 'it is 1000x1000, but its image 80x100' in refused(root, out_dir)


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('', ' is not a readable JSON file: '),
        ('{"shapes": [', ' is not a readable JSON file: '),
        ('[' * 100_000, ' is not a readable JSON file: '),
        ('{"shapes": {}}', ': "shapes" must be a list of objects, but is {}'),
        ('{"shapes": [1]}', ': "shapes" must be a list of objects, but is [1]'),
        ('{"shapes": [], "imageWidth": "wide"}', ": the size of the image, 'wide', is not a number of pixels"),
    ],
)
def test_defects_of_files(text, message, root, out_dir):
    (root / f'train/{STEM}.json').write_text(text)
    assert refused(root, out_dir).startswith(f'train/{STEM}.json{message}')


def test_encodings(root, out_dir):
    file = root / f'train/{STEM}.json'
    content = file.read_text().replace('"bird"', '"鳥"').replace('"cat"', '"Käfer"')
    for encoding in ('utf-8', 'utf-8-sig', 'utf-16'):
        file.write_text(content, encoding=encoding)
        assert 'Käfer' in load_detection(root, out_dir).classes
    file.write_text(content.replace('鳥', 'x'), encoding='latin-1')
    assert refused(root, out_dir).startswith(f"train/{STEM}.json is not a readable JSON file: 'utf-8' codec")


@pytest.mark.parametrize(
    'make', [os.mkfifo, lambda path: path.symlink_to('nowhere'), lambda path: path.symlink_to('/dev/zero')]
)
def test_files_that_are_not_regular(make, root, out_dir):
    (root / f'train/{STEM}.json').unlink()
    make(root / f'train/{STEM}.json')
    assert refused(root, out_dir).startswith(f'train/{STEM}.json is not a readable JSON file: ')


def test_an_image_that_is_a_pipe(root, out_dir):
    (root / f'train/{STEM}.jpg').unlink()
    os.mkfifo(root / f'train/{STEM}.jpg')
    assert 'is not a regular file' in refused(root, out_dir)


def test_images_outside_of_the_folder(root, tmp_path, out_dir):
    """What a file names is looked for in the folder alone."""
    (root / f'train/{STEM}.jpg').rename(tmp_path / 'photo.jpg')
    for named in ('../../photo.jpg', str(tmp_path / 'photo.jpg'), 'a\0b.jpg', 'x' * 5000):
        edit(root / f'train/{STEM}.json', imagePath=named)
        assert 'there is no image' in refused(root, out_dir)


def test_a_test_split_without_files(root, out_dir):
    for scene in SCENES['test']:
        paint(root / f'test/{scene.stem}.jpg', scene)
    assert set(find_format(root).splits) == {'train', 'val'}
    write_json(root / f'test/{SCENES["test"][0].stem}.json', labelme(SCENES['test'][0]) | {'shapes': []})
    data = load_detection(root, out_dir)
    assert set(data.splits) == {'train', 'val'}


@pytest.mark.parametrize(
    ('key', 'value', 'message'),
    [
        ('group', {}, 'object 1 has the group {}, which is not a number'),
        ('segmentation', [[1]], 'object 1 needs points [[x, y], ...], but has [[1]]'),
        ('category', 7.5, 'object 1 needs the name of a class, but has 7.5'),
    ],
)
def test_defects_of_isat(key, value, message, tmp_path, out_dir):
    isat(tmp_path / 'user')
    file = tmp_path / f'user/train/{STEM}.json'
    content = json.loads(file.read_text())
    content['objects'][0][key] = value
    file.write_text(json.dumps(content))
    assert refused(tmp_path / 'user', out_dir) == f'train/{STEM}.json: {message}'


def test_groups_and_crowds_of_isat(tmp_path, out_dir):
    isat(tmp_path)
    scene = SCENES_WITH_MASKS['train'][0]
    file = tmp_path / f'train/{scene.stem}.json'
    content = json.loads(file.read_text())
    square = [[2, 2], [12, 2], [12, 12]]
    item = {'category': 'cat', 'segmentation': square, 'iscrowd': False}
    content['objects'] = [
        *(item | {'group': group, 'iscrowd': crowd} for group, crowd in [(0, 0), (0, 0), (1, 0), (1, 0), (1, 1)]),
        item | {'group': None},
        item | {'category': '__background__'},
        item | {'segmentation': square[:2]},
    ]
    file.write_text(json.dumps(content))
    data, content = load(tmp_path, out_dir)
    assert [(len(found['segmentation']), found['iscrowd']) for found in objects_of(content, scene.stem)] == [
        (1, 0), (1, 0), (2, 0), (1, 1), (1, 0),
    ]  # fmt: skip
    assert any('(__background__: 1, polygon with fewer than three corners: 1)' in note for note in data.notes)


def test_rectangles_have_no_masks(tmp_path, out_dir):
    for scene in ALL:
        write(tmp_path, scene, labelme(scene, as_rectangle))
    with pytest.raises(UserError, match='no annotation has a mask'):
        load_detection(tmp_path, out_dir, masks=True)


@pytest.mark.parametrize('stems', [['test_{}'], ['train_{}', 'val_{}'], ['train{}', 'test{}'], ['photo{}']])
@pytest.mark.parametrize('count', [1, 5])
def test_folders_that_could_hold_coco_files(stems, count, tmp_path, out_dir):
    """`annotations/` holds COCO files elsewhere, named after splits."""
    scenes = [replace(SCENE, stem=stem.format(number)) for stem in stems for number in range(count)]
    for scene in [*scenes, replace(SCENE, stem='other')]:
        write(tmp_path, scene, labelme(scene), 'images', 'annotations')
    data = load_detection(tmp_path, out_dir)
    assert data.format == 'labelme'
    assert sum(part.images for part in data.splits.values()) == len(scenes) + 1
