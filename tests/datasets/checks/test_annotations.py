"""Defects of COCO annotations that are refused with one sentence."""

import math

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.annotations import NoAnnotationsError, check_annotations, check_categories
from mmbackbones.errors import UserError
from tests.helpers.coco_edits import again, edit, first
from tests.helpers.detection_folders import TRUTH, coco

INF, NAN = math.inf, math.nan


BOX = r'annotation 1 has bbox .*'


REFUSED = {
    'no categories': (lambda d: d['categories'].clear(), 'has no categories'),
    'no images': (lambda d: d['images'].clear(), 'has no images'),
    'no annotations': (lambda d: d['annotations'].clear(), 'has no annotations'),
    'lacks categories': (lambda d: d.pop('categories'), 'lacks "categories"'),
    'lacks annotations': (lambda d: d.pop('annotations'), 'lacks "annotations"'),
    'images not a list': (lambda d: d.update(images={}), '"images" must be a list of objects'),
    'annotation not an object': (lambda d: d['annotations'].append(3), '"annotations" must be a list of objects'),
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
    'without bbox': (lambda d: d['annotations'][0].pop('bbox'), 'annotation 1 has no "bbox"'),
    'without image': (lambda d: d['annotations'][0].pop('image_id'), 'annotation 1 has no "image_id"'),
    'bbox null': (first(bbox=None), BOX + 'not four numbers'),
    'bbox of three': (first(bbox=[1, 2, 3]), BOX + 'not four numbers'),
    'bbox of text': (first(bbox=[1, 2, '3', 4]), BOX + 'not four numbers'),
    'bbox of bool': (first(bbox=[1, 2, True, 4]), BOX + 'not four numbers'),
    'bbox with null': (first(bbox=[1, None, 3, 4]), BOX + 'not four numbers'),
    'bbox NaN': (first(bbox=[1, NAN, 3, 4]), BOX + r'must be finite and below 1e\+15'),
    'bbox infinite': (first(bbox=[1, 2, INF, 4]), BOX + r'must be finite and below 1e\+15'),
    'bbox enormous': (first(bbox=[1, 2, 10**400, 4]), BOX + r'must be finite and below 1e\+15'),
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
        "the split 'train' is empty: its only boxes are marked as crowds .4.",
    ),
    'all ignored': (
        lambda d: [a.update(ignore=1) for a in d['annotations']],
        'is empty: its only boxes are marked as crowds .4.',
    ),
    'all tiny': (
        lambda d: [a.update(bbox=[5, 5, 0.5, 9]) for a in d['annotations']],
        'is empty: its only boxes are narrower or lower than a pixel .4.',
    ),
    'fractions': (
        lambda d: [a.update(bbox=[value / 64 for value in a['bbox']]) for a in d['annotations']],
        r'all 4 boxes lie between 0 and 1, such as \[0\.0625, .*\]: they look like fractions of the image size',
    ),
    'fractions and an empty box': (
        lambda d: [a.update(bbox=[0.5, 0, 0.5, 0.5 * (a['id'] > 1)]) for a in d['annotations']],
        'all 3 boxes lie between 0 and 1',
    ),
    'large annotation id': (first(id=1 << 63), 'the annotation id 9223372036854775808 has more than 63 bits'),
    'large image id': (lambda d: d['images'][1].update(id=1 << 64), 'the image id 18446744073709551616 has more than'),
    'large category id': (lambda d: d['categories'][0].update(id=-(1 << 70)), 'the category id .* more than 63 bits'),
    'id with a point': (first(id=1.0), 'annotation number 1 needs an integer as its id, but has 1.0'),
    'ignore': (first(ignore='no'), "annotation 1 has ignore 'no', which is neither 0 nor 1"),
    'width in words': (lambda d: d['images'][0].update(width='wide'), "image 0 .* has the width or height 'wide'"),
    'width of bool': (lambda d: d['images'][0].update(width=True), 'has the width or height True, which is not'),
    'width as list': (lambda d: d['images'][0].update(width=[64]), r'has the width or height \[64\], which is not'),
    'half a pixel': (lambda d: d['images'][0].update(width=64.5), 'has the width or height 64.5, which is not'),
    'no box left': (
        lambda d: [a.update(bbox=[-9, 0, 5, 5]) for a in d['annotations']],
        "the split 'train' is empty: none of its boxes has an area inside its image",
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


def test_the_checks_change_nothing_of_valid_annotations():
    data = coco(TRUTH['train'])
    check_categories(data, 'train.json')
    check_annotations(data, 'train.json')
    assert data == coco(TRUTH['train'])


@pytest.mark.parametrize(
    ('check', 'emptied', 'message'),
    [
        (check_categories, ['annotations', 'categories'], 'train.json has no annotations'),
        (check_annotations, ['annotations'], 'train.json has no annotations'),
        (check_annotations, ['annotations', 'images'], 'train.json has no images'),
    ],
)
def test_a_split_without_annotations_is_an_error_of_its_own(check, emptied, message):
    with pytest.raises(NoAnnotationsError, match=f'^{message}$'):
        check(coco(TRUTH['train']) | {key: [] for key in emptied}, 'train.json')


@pytest.mark.parametrize('count', [20_000, 20_001])
def test_number_of_categories(count):
    data = coco(TRUTH['train']) | {'categories': [{'id': index, 'name': str(index)} for index in range(count)]}
    if count == 20_000:
        check_categories(data, 'train.json')
        assert len(data['categories']) == count
        return
    with pytest.raises(UserError, match='^train.json has 20,001 categories; at most 20,000 are supported$'):
        check_categories(data, 'train.json')
