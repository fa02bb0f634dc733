"""Every defect of a COCO file: what is repaired and counted, and what is refused with one sentence."""

import json
import math
from collections.abc import Callable

import detection_folders as folders
import pytest

from mmbackbones.data import load_detection
from mmbackbones.errors import UserError

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
    'other height': (lambda d: d['images'][0].update(width=None, height=50), 'image 0 .* Nonex50 pixels'),
    'missing image': (lambda d: d['images'][1].update(file_name='z.jpg'), r"'z\.jpg' is not in .*; 1 of its 4 images"),
    'impossible name': (lambda d: d['images'][1].update(file_name='a\0.jpg'), 'is not in .*; 1 of its 4 images'),
    'upward name': (lambda d: d['images'][1].update(file_name='../../a1.jpg'), 'is not inside the data folder'),
    'hidden upward': (lambda d: d['images'][1].update(file_name='x/../../../a1.jpg'), 'is not inside the data folder'),
    'absolute name': (lambda d: d['images'][1].update(file_name='/a1.jpg'), 'is not inside the data folder'),
    'all crowd': (lambda d: [a.update(iscrowd=1) for a in d['annotations']], "the split 'train' is empty"),
    'no box left': (lambda d: [a.update(bbox=[-9, 0, 5, 5]) for a in d['annotations']], "the split 'train' is empty"),
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
    'null size': (lambda d: d['images'][0].update(height=None), BOX_OF_VAL, '1 image size filled in'),
    'no area': (lambda d: d['annotations'][0].pop('area'), BOX_OF_VAL, '1 area filled in'),
    'area 0': (first(area=0), BOX_OF_VAL, '1 area filled in'),
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
    assert data.notes[1:] == (
        'annotations/train.json: 2 boxes clipped to their image, 2 boxes without area dropped',
    )
    assert data.splits['train'].boxes == 2


def test_dropping_alone_does_not_copy_the_training_file(root, out_dir):
    edit(root, first(bbox=[5, 5, 0, 8]))
    data = load_detection(root, out_dir)
    assert data.notes[1:] == ('annotations/train.json: 1 box without area dropped',)
    assert data.splits['train'].ann_file == root / 'annotations/train.json'
    assert data.splits['train'].boxes == 3


def test_segmentation_and_other_keys_are_kept(root, out_dir):
    edit(root, first(bbox=[-5, 40, 20, 10], segmentation=[[0, 40, 15, 40, 0, 48]], area=60, score=1))
    annotation = json.loads(load_detection(root, out_dir).splits['train'].ann_file.read_text())['annotations'][0]
    assert annotation['bbox'] == [0, 40, 15, 8]
    assert (annotation['segmentation'], annotation['area'], annotation['score']) == ([[0, 40, 15, 40, 0, 48]], 60, 1)


def test_a_byte_order_mark_is_taken_off(root, out_dir):
    file = root / 'annotations/val.json'
    file.write_bytes(b'\xef\xbb\xbf' + file.read_bytes())
    assert json.loads(load_detection(root, out_dir).splits['val'].ann_file.read_text())['images']


def test_categories_in_another_order_give_the_same_labels(root, out_dir):
    edit(root, lambda d: d['categories'].reverse(), 'val')
    data = load_detection(root, out_dir)
    assert data.classes == folders.CLASSES
    assert data.splits['val'].ann_file == out_dir / 'val.json'
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert [category['name'] for category in listed] == list(folders.CLASSES)
