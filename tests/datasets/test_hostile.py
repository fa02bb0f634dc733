"""Files that are made to take forever are refused, or read in a moment."""

import base64
import io
import json
import os
import re
import time
from functools import partial

import pytest
from PIL import Image

from mmbackbones.datasets import load_detection, load_segmentation
from mmbackbones.datasets.formats.label_maps.names.lists import read_ade20k
from mmbackbones.errors import UserError
from mmbackbones.utils.files import list_files
from tests.helpers import detection_folders as folders
from tests.helpers.detection_folders import write_text

SECONDS = 20  # an algorithm of quadratic time takes minutes


@pytest.fixture(autouse=True)
def clock():
    start = time.monotonic()
    yield
    assert time.monotonic() - start < SECONDS


@pytest.fixture
def root(tmp_path):
    folders.yolo(tmp_path / 'user')
    return tmp_path / 'user'


YAML = 'train: images/train\nval: images/val\ntest: images/test\nnames: [cat, dog]\n'
BOMB = 'l0: &l0 [x, x, x, x, x, x, x, x, x]\n' + ''.join(
    f'l{n}: &l{n} [{", ".join([f"*l{n - 1}"] * 9)}]\n' for n in range(1, 12)
)
MERGED = 'm0: &m0 {a: 1, b: 2}\n' + ''.join(
    f'm{n}: &m{n}\n  <<: [{", ".join([f"*m{n - 1}"] * 9)}]\n' for n in range(1, 12)
)
BOMBS = {
    'beside': BOMB + YAML,
    'names': BOMB + YAML.replace('[cat, dog]', '*l11'),
    'a name': BOMB + YAML.replace('cat', '*l11'),
    'names as table': BOMB + YAML.replace('[cat, dog]', '{0: cat, 1: *l11}'),
    'train': BOMB + YAML.replace('train: images/train', 'train: *l11'),
    'val': BOMB + YAML.replace('images/val', '*l11'),
    'test': BOMB + YAML.replace('images/test', '*l11'),
    'path': BOMB + YAML + 'path: *l11\n',
    'kpt_shape': BOMB + YAML + 'kpt_shape: *l11\n',
    'key': BOMB + YAML + '? *l11\n: 1\n',
    'merge keys': MERGED + YAML,
    'in itself': YAML + 'loop: &a [*a, *a]\n',
    'names in itself': YAML.replace('[cat, dog]', '&a [cat, *a]'),
    'long text': f'long: &long {"x" * 100_000}\n' + YAML.replace('cat', ', '.join(['*long'] * 1000)),
    'deep': YAML + 'deep: ' + '[' * 100_000 + ']' * 100_000,
    'deep table': YAML + ''.join(' ' * n + 'a:\n' for n in range(3000)),
    'large': YAML + '# ' + 'x' * (5 << 20),
}


@pytest.mark.parametrize('yaml', BOMBS.values(), ids=BOMBS)
def test_yaml_bombs(yaml, root, out_dir):
    write_text(root / 'data.yaml', yaml)
    with pytest.raises(UserError, match=r'data\.yaml (holds too much|is not readable YAML)') as caught:
        load_detection(root, out_dir)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize('number', [':1' * 10**6, '!!int "' + ':1' * 10**6 + '"', ':1' * 400 + '.0', '9' * 10**6])
def test_yaml_with_long_numbers(number, root, out_dir):
    write_text(root / 'data.yaml', f'{YAML}x: {number if number[0] == "!" else "1" + number}\n')
    with pytest.raises(UserError, match=r'data\.yaml is not readable YAML: (it has a number of more|int too large)'):
        load_detection(root, out_dir)


def test_yaml_with_an_alias(root, out_dir):
    write_text(root / 'data.yaml', 'train: &t images/train\nval: images/val\ntest: [*t]\nnames: &n [cat, dog]\nx: *n\n')
    assert load_detection(root, out_dir).classes == ('cat', 'dog')


@pytest.mark.parametrize(
    'value', ['2024-13-45', '!!python/object/apply:os.system [true]', '*nothing', '"a\\0b"', '!!binary "?"', '1' * 5000]
)
def test_yaml_values_of_other_types(value, root, out_dir):
    for key in ('train', 'path', 'extra'):
        write_text(root / 'data.yaml', YAML.replace(f'{key}: images/train', '') + f'{key}: {value}\n')
        try:
            said = ', '.join(load_detection(root, out_dir).classes)
        except UserError as error:
            said = str(error)
        assert said == 'cat, dog' or str(root) in said
        assert len(said) < 500


@pytest.mark.parametrize('count', [5_000, 100_000])
@pytest.mark.parametrize('name', ['YOLO', 'COCO'])
def test_many_classes(count, name, root, out_dir, tmp_path):
    names = [f'class {number}' for number in range(count - 2)]
    if name == 'YOLO':
        write_text(root / 'data.yaml', YAML.replace('[cat, dog]', json.dumps(['cat', 'dog', *names])))
    else:
        root = tmp_path / 'coco'
        folders.plain(root)
        for file in root.glob('annotations/*.json'):
            data = json.loads(file.read_text())
            data['categories'] += [{'id': 10 + number, 'name': name} for number, name in enumerate(names)]
            file.write_text(json.dumps(data))
    if count > 20_000:
        with pytest.raises(UserError, match='has 100,000 categories; at most 20,000 are supported'):
            load_detection(root, out_dir)
    else:
        reverse = ['dog', 'cat', *names[::-1]]
        assert load_detection(root, out_dir, classes=reverse).classes == tuple(reverse)
        with pytest.raises(UserError, match="missing: 'bird'; unexpected: 'cat', 'class 0', .* and 4991 more"):
            load_detection(root, out_dir, classes=['bird', 'dog'])


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir], ids=['pipe', 'folder'])
@pytest.mark.parametrize(
    ('build', 'name'),
    [
        (folders.yolo, 'images/train/z.jpg'),
        (folders.yolo, 'labels/train/a2.txt'),
        (folders.yolo, 'labels/train/a1.txt'),
        (folders.plain, 'images/a1.jpg'),
        (folders.voc, 'JPEGImages/a1.png'),
        (folders.voc, 'Annotations/a1.xml'),
        (folders.roboflow, 'train/a1.jpg'),
    ],
)
def test_pipes_and_folders_in_place_of_files(make, build, name, tmp_path, out_dir):
    root = tmp_path / 'folder'
    build(root)
    (root / name).unlink(missing_ok=True)
    make(root / name)
    if make is os.mkdir and name == 'images/train/z.jpg':
        assert load_detection(root, out_dir).splits['train'].images == 4  # a folder may be called anything
        return
    with pytest.raises(UserError, match=f'{os.path.basename(name)}.* regular file'):
        load_detection(root, out_dir)


@pytest.mark.parametrize('name', ['data.yaml', 'annotations/train.json', 'ImageSets/Main/train.txt'])
def test_pipes_in_place_of_lists(name, tmp_path, out_dir):
    build = {'data.yaml': folders.yolo, 'annotations/train.json': folders.plain}.get(name, folders.voc)
    build(tmp_path / 'folder')
    (tmp_path / 'folder' / name).unlink()
    os.mkfifo(tmp_path / 'folder' / name)
    with pytest.raises(UserError, match=f'{re.escape(name)}|nothing names their classes'):
        load_detection(tmp_path / 'folder', out_dir)


def test_yolo_list_that_is_a_pipe(root, out_dir):
    os.mkfifo(root / 'train.txt')
    write_text(root / 'data.yaml', YAML.replace('images/train', 'train.txt'))
    with pytest.raises(UserError, match=r'train\.txt is not a readable text file: it is not a regular file'):
        load_detection(root, out_dir)


@pytest.mark.parametrize('target', ['.', '..', '../..', 'a', '../train'])
def test_links_to_a_parent(target, root, out_dir):
    """A link to a parent would list each folder again, at every level."""
    (root / 'images/train/a').mkdir()
    (root / 'images/train/a1.jpg').rename(root / 'images/train/a/a1.jpg')
    (root / 'images/train/loop').symlink_to(target)
    (root / 'images/train/a/loop').symlink_to('..')
    names = ['a/a1.jpg', 'a2.jpg', 'a3.jpg', 'a4.jpg']
    assert list_files(root / 'images/train', {'.jpg'}) == names
    assert load_detection(root, out_dir).splits['train'].images == 4


ENTITIES = '<!DOCTYPE a [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]>'


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-16', 'utf-16-le', 'latin-1'])
def test_entities_in_any_encoding(encoding, tmp_path, out_dir):
    folders.voc(tmp_path / 'voc')
    file = tmp_path / 'voc/Annotations/a1.xml'
    head = f'<?xml version="1.0" encoding="{encoding.removesuffix("-le")}"?>'
    file.write_bytes((head + ENTITIES + file.read_text().replace('cat', '&b;')).encode(encoding))
    with pytest.raises(UserError, match=r'a1\.xml (declares a document type|is not a readable XML)'):
        load_detection(tmp_path / 'voc', out_dir)


@pytest.mark.parametrize('encoding', ['utf-99', 'rot13', 'idna', ' ', 'x' * 100_000])
def test_xml_in_no_encoding(encoding, tmp_path, out_dir):
    folders.voc(tmp_path / 'voc')
    file = tmp_path / 'voc/Annotations/a1.xml'
    write_text(file, f'<?xml version="1.0" encoding="{encoding}"?>{file.read_text()}')
    with pytest.raises(UserError, match=r'a1\.xml is not a readable XML file'):
        load_detection(tmp_path / 'voc', out_dir)


def test_deep_xml(tmp_path, out_dir):
    folders.voc(tmp_path / 'voc')
    before = load_detection(tmp_path / 'voc', out_dir)
    file = tmp_path / 'voc/Annotations/a1.xml'
    file.write_text(file.read_text().replace('</annotation>', '<a>' * 200_000 + '</a>' * 200_000 + '</annotation>'))
    after = load_detection(tmp_path / 'voc', out_dir)
    assert (after.classes, after.splits['train'].boxes) == (before.classes, before.splits['train'].boxes)


LARGE = [70_000, 10**6, 2**31]  # sides whose product pycocotools cannot count in 32 bits, or no memory holds


@pytest.mark.parametrize('side', LARGE)
@pytest.mark.parametrize('counts', ['PPYo1', 'o' * 5000, '\\' * 3000, [0]])
def test_masks_of_sizes_that_no_image_has(side, counts, tmp_path, out_dir):
    """pycocotools would write beyond its memory."""
    rle = {'size': [side, side], 'counts': counts}
    root = _write_masks(tmp_path / 'coco', rle, width=side, height=side)
    with pytest.raises(UserError, match='pixels, but images have 1 to 1,073,741,824'):
        load_detection(root, out_dir, masks=True)


ZIGZAG = [value for number in range(1000) for value in (9e5 * (-1) ** number, number % 50)]


def test_outlines_without_end(tmp_path, out_dir):
    """pycocotools would walk along each pixel, and count them in 32 bits."""
    root = _write_masks(tmp_path / 'coco', [ZIGZAG])
    for load in (partial(load_detection, masks=True), load_segmentation):
        with pytest.raises(UserError, match='has a polygon whose outline is longer than 10,000,000 pixels'):
            load(root, out_dir)


@pytest.mark.parametrize('outline', [[[0, 0], [1e14, 0], [0, 1e14]], [*zip(ZIGZAG[::2], ZIGZAG[1::2], strict=True)]])
def test_outlines_without_end_beside_a_mask(outline, tmp_path, out_dir):
    png = io.BytesIO()
    Image.new('L', (2, 2), 1).save(png, 'PNG')
    mask = {'shape_type': 'mask', 'points': [[1, 1], [2, 2]], 'mask': base64.b64encode(png.getvalue()).decode()}
    shapes = [{'label': 'a', 'group_id': 1} | shape for shape in (mask, {'points': outline})]
    for name in ('a', 'b'):
        folders.write_image(tmp_path / f'{name}.jpg', (8, 8))
        write_text(tmp_path / f'{name}.json', json.dumps({'shapes': shapes}))
    with pytest.raises(UserError, match=r"\.json: the outline of a polygon of 'a' is longer than 10,000,000 pixels"):
        load_detection(tmp_path, out_dir)


def _write_masks(root, mask, **size):
    folders.plain(root)
    for file in root.glob('annotations/*.json'):
        data = json.loads(file.read_text())
        for image in data['images']:
            image |= size
        for annotation in data['annotations']:
            annotation['segmentation'] = mask
        write_text(file, json.dumps(data))
    return root


def test_many_synonyms(tmp_path):
    """Counting each in a list of all would take minutes."""
    write_text(tmp_path / 'objectInfo150.txt', 'header\n' + 'a\n' * 400_000)
    with pytest.raises(UserError, match='must name 1 to 254 labels, but names 400000'):
        read_ade20k(tmp_path / 'objectInfo150.txt')


def test_many_folders_and_images(tmp_path, out_dir):
    """Looking for each folder among all images would take minutes."""
    folders.write_image(tmp_path / '0.jpg', (8, 8))
    for number in range(1000):
        for name in ('a', 'b', 'c'):
            place = tmp_path / f'{number}/images'
            place.mkdir(parents=True, exist_ok=True)
            os.link(tmp_path / '0.jpg', place / f'{name}.jpg')
        write_text(tmp_path / f'{number}/labels/a.txt', '0 0.5 0.5 0.5 0.5\n')
    write_text(tmp_path / 'data.yaml', 'train: .\nnames: [cat]\n')
    assert load_detection(tmp_path, out_dir).splits['val'].images == 600


def test_many_folders_with_equal_names(tmp_path, out_dir):
    """Comparing all images of a name for each JSON file would take minutes."""
    folders.write_image(tmp_path / '0.jpg', (8, 8))
    content = json.dumps({'shapes': [{'label': 'cat', 'points': [[1, 1], [7, 1], [7, 7]]}]})
    for number in range(2000):
        for place in ('images', 'labels'):
            (tmp_path / f'{place}/{number}').mkdir(parents=True)
        os.link(tmp_path / '0.jpg', tmp_path / f'images/{number}/a.jpg')
        (tmp_path / f'labels/{number}/a.json').write_text(content)
    (tmp_path / '0.jpg').unlink()
    assert load_detection(tmp_path, out_dir).splits['val'].images == 400
