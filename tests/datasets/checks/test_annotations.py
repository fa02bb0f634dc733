"""Every defect of a COCO file: what is repaired and counted, and what is refused with one sentence."""

import json
import math
from collections.abc import Callable

import cv2
import numpy as np
import pytest
from PIL import Image

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.images import ORIENTATION
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders

INF, NAN = math.inf, math.nan


@pytest.fixture
def root(tmp_path):
    folders.plain(tmp_path / 'user')
    return tmp_path / 'user'


def edit(root, change: Callable[[dict], object], split: str = 'train') -> None:
    file = root / f'annotations/{split}.json'
    content = json.loads(file.read_text())
    change(content)
    file.write_text(json.dumps(content))


def first(**values) -> Callable[[dict], None]:
    """Change the first annotation."""
    return lambda data: data['annotations'][0].update(values)


def again(key: str) -> Callable[[dict], None]:
    return lambda data: data[key].append(dict(data[key][0]))


BOX = r'annotation 1 has bbox .*'
REFUSED = {
    'no categories': (lambda d: d['categories'].clear(), 'has no categories'),
    'no images': (lambda d: d['images'].clear(), 'has no images'),
    'no annotations': (lambda d: d['annotations'].clear(), 'has no annotations'),
    'lacks categories': (lambda d: d.pop('categories'), 'lacks "categories"'),
    'lacks annotations': (lambda d: d.pop('annotations'), 'lacks "annotations"'),
    'images no list': (lambda d: d.update(images={}), '"images" must be a list of objects'),
    'annotation no object': (lambda d: d['annotations'].append(3), '"annotations" must be a list of objects'),
    'category twice': (again('categories'), 'the category id 0 occurs twice'),
    'category name twice': (lambda d: d['categories'][1].update(name='cat'), "0 and 2 have the same name 'cat'"),
    'category without name': (lambda d: d['categories'][1].pop('name'), 'category 2 needs a name'),
    'image twice': (again('images'), 'the image id 0 occurs twice'),
    'image without name': (lambda d: d['images'][0].pop('file_name'), 'image 0 needs a file_name'),
    'image without id': (lambda d: d['images'][1].pop('id'), 'image number 2 needs an integer as its id'),
    'annotation twice': (again('annotations'), 'the annotation id 1 occurs twice'),
    'annotation without id': (lambda d: d['annotations'][1].pop('id'), 'annotation number 2 needs an integer'),
    'unknown category': (first(category_id=9), 'annotation 1 has category 9, which is not among'),
    'category as text': (first(category_id='0'), "annotation 1 has category '0', which is not among"),
    'unknown image': (first(image_id=99), 'annotation 1 belongs to image 99, which is not among'),
    'image as list': (first(image_id=[0]), r'annotation 1 belongs to image \[0\], which is not among'),
    'without bbox': (lambda d: d['annotations'][0].pop('bbox'), 'annotation 1 lacks "bbox"'),
    'without image': (lambda d: d['annotations'][0].pop('image_id'), 'annotation 1 lacks "image_id"'),
    'bbox null': (first(bbox=None), BOX + 'not four numbers'),
    'bbox of three': (first(bbox=[1, 2, 3]), BOX + 'not four numbers'),
    'bbox of text': (first(bbox=[1, 2, '3', 4]), BOX + 'not four numbers'),
    'bbox of truth': (first(bbox=[1, 2, True, 4]), BOX + 'not four numbers'),
    'bbox with null': (first(bbox=[1, None, 3, 4]), BOX + 'not four numbers'),
    'bbox NaN': (first(bbox=[1, NAN, 3, 4]), BOX + 'not finite'),
    'bbox infinite': (first(bbox=[1, 2, INF, 4]), BOX + 'not finite'),
    'bbox enormous': (first(bbox=[1, 2, 10**400, 4]), BOX + 'not finite'),
    'negative width': (first(bbox=[10, 2, -3, 4]), BOX + 'negative'),
    'iscrowd': (first(iscrowd='yes'), "annotation 1 has iscrowd 'yes'"),
    'other size': (lambda d: d['images'][0].update(width=48, height=64), 'image 0 .* 48x64 pixels, but .* 64x48'),
    'other height': (lambda d: d['images'][0].update(width=None, height=50), 'image 0 .* [?]x50 pixels'),
    'missing image': (lambda d: d['images'][1].update(file_name='z.jpg'), r"'z\.jpg' is not in .*; 1 of its 4 images"),
    'impossible name': (lambda d: d['images'][1].update(file_name='a\0.jpg'), 'is not in .*; 1 of its 4 images'),
    'upward name': (lambda d: d['images'][1].update(file_name='../../a1.jpg'), 'is not inside the data folder'),
    'hidden upward': (lambda d: d['images'][1].update(file_name='x/../../../a1.jpg'), 'is not inside the data folder'),
    'absolute name': (lambda d: d['images'][1].update(file_name='/a1.jpg'), 'is not inside the data folder'),
    'all crowd': (
        lambda d: [a.update(iscrowd=1) for a in d['annotations']],
        "the split 'train' is empty: 4 boxes are marked as crowds, and there are no others",
    ),
    'all ignored': (lambda d: [a.update(ignore=1) for a in d['annotations']], 'is empty: 4 boxes are marked as crowds'),
    'all tiny': (
        lambda d: [a.update(bbox=[5, 5, 0.5, 9]) for a in d['annotations']],
        'is empty: 4 boxes are narrower or lower than a pixel',
    ),
    'shares': (
        lambda d: [a.update(bbox=[value / 64 for value in a['bbox']]) for a in d['annotations']],
        r'all 4 boxes lie between 0 and 1, such as \[0\.0625, .*\]: they look like shares',
    ),
    'shares and an empty box': (
        lambda d: [a.update(bbox=[0.5, 0, 0.5, 0.5 * (a['id'] > 1)]) for a in d['annotations']],
        'all 3 boxes lie between 0 and 1',
    ),
    'large annotation id': (first(id=1 << 63), 'the annotation id 9223372036854775808 has more than 63 bits'),
    'large image id': (lambda d: d['images'][1].update(id=1 << 64), 'the image id 18446744073709551616 has more than'),
    'large category id': (lambda d: d['categories'][0].update(id=-(1 << 70)), 'the category id .* more than 63 bits'),
    'id with a point': (first(id=1.0), 'annotation number 1 needs an integer as its id, but has 1.0'),
    'ignore': (first(ignore='no'), "annotation 1 has ignore 'no', which is neither 0 nor 1"),
    'width in words': (lambda d: d['images'][0].update(width='wide'), "image 0 .* has the width or height 'wide'"),
    'width of truth': (lambda d: d['images'][0].update(width=True), 'has the width or height True, which is not'),
    'width as list': (lambda d: d['images'][0].update(width=[64]), r'has the width or height \[64\], which is not'),
    'half a pixel': (lambda d: d['images'][0].update(width=64.5), 'has the width or height 64.5, which is not'),
    'no box left': (
        lambda d: [a.update(bbox=[-9, 0, 5, 5]) for a in d['annotations']],
        "the split 'train' is empty: no box of it has an area in its image",
    ),
    'long name': (lambda d: d['images'][1].update(file_name='x' * 300 + '.jpg'), 'is not in .*; 1 of its 4 images'),
    'category as float': (first(category_id=0.0), 'category 0.0, which is not among the categories, whose ids are int'),
}


@pytest.mark.parametrize(('change', 'message'), REFUSED.values(), ids=REFUSED)
def test_refused(change, message, root, out_dir):
    edit(root, change)
    with pytest.raises(UserError, match=rf'annotations/train\.json.*{message}') as caught:
        load_detection(root, out_dir)
    assert '\n' not in str(caught.value)
    assert not out_dir.exists()


@pytest.mark.parametrize(
    'content', [b'', b'{"images": [', b'\xff\xfe\xfd', b'[' * 200_000, b'[]', b'null'], ids=lambda item: str(item[:9])
)
def test_files_that_are_not_coco(content, root, out_dir):
    (root / 'annotations/val.json').write_bytes(content)
    with pytest.raises(UserError, match=r'annotations/val\.json (is not a readable JSON|must hold a COCO object)'):
        load_detection(root, out_dir)


def test_classes_that_differ_between_splits(root, out_dir):
    edit(root, lambda d: d['categories'][0].update(name='cow'), 'test')
    message = r"test\.json: .* those of .*train\.json: it lacks 'cat' and it has besides 'cow'"
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir, splits=['train', 'val'])


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
    'impossible area': (first(area=10**6), BOX_OF_VAL, '1 area that does not fit its box put right'),
    'area of 1': (first(area=1), BOX_OF_VAL, '1 area that does not fit its box put right'),
    'no iscrowd': (lambda d: d['annotations'][0].pop('iscrowd'), BOX_OF_VAL, '1 iscrowd filled in'),
    'id 0': (first(id=0), BOX_OF_VAL, '3 annotations renumbered from 1'),
}


@pytest.mark.parametrize(('change', 'box', 'note'), REPAIRED.values(), ids=REPAIRED)
def test_repaired(change, box, note, root, out_dir):
    edit(root, change, 'val')  # val is what pycocotools evaluates, so every repair has to be in its file
    data = load_detection(root, out_dir)
    split = data.splits['val']
    content = json.loads(split.ann_file.read_text())
    assert list(data.notes[1:]) == ([f'annotations/val.json: {note}'] if note else [])
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
    assert data.notes[1:] == ('annotations/train.json: 2 boxes clipped to their image, 2 boxes without area dropped',)
    assert data.splits['train'].boxes == 2


def test_dropping_alone_does_not_copy_the_training_file(root, out_dir):
    edit(root, first(bbox=[5, 5, 0, 8]))
    data = load_detection(root, out_dir)
    assert data.notes[1:] == ('annotations/train.json: 1 box without area dropped',)
    assert data.splits['train'].ann_file == root / 'annotations/train.json'
    assert data.splits['train'].boxes == 3


def test_what_is_wrong_with_photographs_turned_by_exif(root, out_dir):
    """Their boxes may have been drawn on the image as it is stored, or as a viewer shows it."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # a quarter turn
    folders.write_image(root / 'images/a1.jpg', exif=exif)
    message = r'a1\.jpg\) is said to be 64x48 pixels, but its file, turned by its EXIF orientation .*, is 48x64'
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)
    edit(root, lambda d: d['images'][0].update(width=48, height=64))
    exif[ORIENTATION] = 3  # a half turn
    folders.write_image(root / 'images/a2.jpg', exif=exif)
    data = load_detection(root, out_dir)
    assert 'annotations/train.json: images that their EXIF orientation turns or mirrors' in data.notes[2]
    assert data.notes[2].endswith(': 2, such as a1.jpg')
    edit(root, lambda d: d['images'][2].update(width=50))
    with pytest.raises(UserError, match='is said to be 50x48 pixels, but its file is 64x48'):
        load_detection(root, out_dir)


def test_what_images_lose_is_said(root, out_dir):
    pixels = np.random.default_rng(0).integers(0, 4000, (48, 64)).astype(np.uint16)
    cv2.imwrite(str(root / 'images/a1.png'), pixels)
    edit(root, lambda d: d['images'][0].update(file_name='a1.png'))
    (note,) = load_detection(root, out_dir).notes[1:]
    assert note.startswith('annotations/train.json: images of more than 8 bits a channel, of which training reads the')


def test_images_without_boxes_are_counted(root, out_dir):
    edit(root, lambda d: d.update(annotations=d['annotations'][:1]))
    summary = load_detection(root, out_dir).notes[0]
    assert summary.endswith(
        'train 4 images, 1 boxes; val 2 images, 3 boxes; test 1 images, 2 boxes; images without a box: 3 of train'
    )


def test_classes_without_boxes_are_said(root, out_dir):
    edit(root, lambda d: d.update(annotations=[item for item in d['annotations'] if item['category_id'] == 2]))
    assert (
        "annotations/train.json: classes without a box to train on: 1, such as 'cat'"
        in load_detection(root, out_dir).notes
    )


def test_a_split_may_list_other_classes_as_long_as_it_has_no_box_of_them(root, out_dir):
    def change(data):
        data['annotations'] = [item for item in data['annotations'] if item['category_id'] == 2]
        data['categories'] = [{'id': 5, 'name': 'cow'}, {'id': 2, 'name': 'dog'}]

    edit(root, change, 'val')
    data = load_detection(root, out_dir)
    assert data.classes == folders.CLASSES
    content = json.loads(data.splits['val'].ann_file.read_text())
    assert [(item['id'], item['name']) for item in content['categories']] == [(6, 'cat'), (2, 'dog')]
    assert data.notes[1] == (
        'annotations/val.json: 1 class that it does not list added, 1 class that it lists without a box left out'
    )


@pytest.mark.parametrize('name', ['day\\a1.jpg', '.\\day\\a1.jpg'])
def test_file_names_from_windows(name, root, out_dir):
    (root / 'images/day').mkdir()
    (root / 'images/a1.jpg').rename(root / 'images/day/a1.jpg')
    edit(root, lambda d: d['images'][0].update(file_name=name))
    data = load_detection(root, out_dir)
    content = json.loads(data.splits['train'].ann_file.read_text())
    assert (data.splits['train'].image_dir / content['images'][0]['file_name']).is_file()
    assert '1 file name with backslashes read' in data.notes[1]
    edit(root, lambda d: d['images'][0].update(file_name='..\\..\\a1.jpg'))
    with pytest.raises(UserError, match='is not inside the data folder'):
        load_detection(root, out_dir)


def test_a_file_whose_name_has_a_backslash(root, out_dir):
    (root / 'images/a1.jpg').rename(root / 'images/a\\1.jpg')
    edit(root, lambda d: d['images'][0].update(file_name='a\\1.jpg'))
    assert load_detection(root, out_dir).splits['train'].ann_file == root / 'annotations/train.json'


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


def test_segmentation_and_other_keys_are_kept(root, out_dir):
    edit(root, first(bbox=[-5, 40, 20, 10], segmentation=[[0, 40, 15, 40, 0, 48]], area=60, score=1))
    annotation = json.loads(load_detection(root, out_dir).splits['train'].ann_file.read_text())['annotations'][0]
    assert annotation['bbox'] == [0, 40, 15, 8]
    assert (annotation['segmentation'], annotation['area'], annotation['score']) == ([[0, 40, 15, 40, 0, 48]], 60, 1)


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


def test_categories_in_another_order_give_the_same_labels(root, out_dir):
    edit(root, lambda d: d['categories'].reverse(), 'val')
    data = load_detection(root, out_dir)
    assert data.classes == folders.CLASSES
    assert data.splits['val'].ann_file == out_dir / 'val.json'
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert [category['name'] for category in listed] == list(folders.CLASSES)


def test_notes_of_long_names_are_short(root, out_dir):
    edit(root, lambda d: d['categories'].append({'id': 77, 'name': 'x' * 100_000}))
    notes = load_detection(root, out_dir, splits=['train', 'val']).notes
    assert any('classes without a box' in note for note in notes)
    assert max(map(len, notes)) < 500


@pytest.mark.parametrize('more', [{}, {'b': [], 'c': []}])
def test_a_single_image_with_boxes_cannot_be_divided(more, tmp_path, out_dir):
    folders.write_coco(tmp_path / 'annotations/all.json', {'a': [('cat', 4, 6, 20, 10)], **more})
    for stem in ('a', *more):
        folders.write_image(tmp_path / f'images/{stem}.jpg')
    with pytest.raises(UserError, match='no validation split is given, and a single image has boxes to train on'):
        load_detection(tmp_path, out_dir)
