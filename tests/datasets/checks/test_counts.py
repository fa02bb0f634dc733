"""Numbers of images and boxes that are used."""

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.counts import Counts, count_usable, is_trained_on
from tests.helpers.coco_edits import edit


def test_images_without_boxes_are_counted(root, out_dir):
    edit(root, lambda d: d.update(annotations=d['annotations'][:1]))
    summary = load_detection(root, out_dir).summary
    assert summary.endswith(
        'train 4 images, 1 box; val 2 images, 3 boxes; test 1 image, 2 boxes; images without a box: 3 of train'
    )


def test_classes_without_boxes_are_said(root, out_dir):
    edit(root, lambda d: d.update(annotations=[item for item in d['annotations'] if item['category_id'] == 2]))
    assert (
        "annotations/train.json: classes without a box to train on: 1, such as 'cat'"
        in load_detection(root, out_dir).notes
    )


def test_notes_of_long_names_are_short(root, out_dir):
    edit(root, lambda d: d['categories'].append({'id': 77, 'name': 'x' * 100_000}))
    notes = load_detection(root, out_dir, splits=['train', 'val']).notes
    assert any('classes without a box' in note for note in notes)
    assert max(map(len, notes)) < 500


# Image 1 is too small for a recipe with min_size=32, image 4 has no boxes.
SPLIT = {
    'images': [{'id': index, 'width': 64, 'height': 16 if index == 1 else 64} for index in (1, 2, 3, 4)],
    'annotations': [
        {'image_id': image, 'category_id': category, 'bbox': box, 'iscrowd': crowd}
        for image, category, box, crowd in [
            (1, 1, [0, 0, 9, 9], 0),
            (2, 1, [0, 0, 9, 9], 0),
            (2, 2, [0, 0, 9, 9], 1),
            (3, 2, [0, 0, 0.5, 9], 0),
        ]
    ],
    'categories': [{'id': 1, 'name': 'cat'}, {'id': 2, 'name': 'dog'}],
}
RECIPE = dict(filter_empty_gt=True, min_size=32)


@pytest.mark.parametrize(
    ('recipe', 'training', 'expected'),
    [
        (RECIPE, True, Counts(True, 2, 2, boxes=1, backgrounds=1, crowds=1, tiny=1, unseen=('dog',))),
        (None, True, Counts(True, 4, 0, boxes=2, backgrounds=2, crowds=1, tiny=1, unseen=('dog',))),
        (None, False, Counts(False, 4, 0, boxes=3, backgrounds=1, crowds=1, tiny=0, unseen=())),
    ],
)
def test_count_usable(recipe, training, expected):
    assert count_usable(SPLIT, {1, 2, 3}, recipe, training) == expected


@pytest.mark.parametrize(
    ('crowds', 'tiny', 'dropped', 'reason'),
    [
        (2, 0, False, 'its only boxes are marked as crowds (2)'),
        (2, 1, True, 'its only boxes are marked as crowds (2) or narrower or lower than a pixel (1)'),
        (0, 0, True, 'none of its boxes has an area inside its image'),
        (0, 0, False, 'none of its images has a box'),
    ],
)
def test_why_empty(crowds, tiny, dropped, reason):
    assert Counts(True, 1, 0, 0, 1, crowds, tiny, ()).why_empty(dropped) == reason


@pytest.mark.parametrize(
    ('change', 'expected'),
    [({}, True), ({'bbox': [0, 0, 0.9, 9]}, False), ({'bbox': [0, 0, 9, 0.9]}, False), ({'iscrowd': 1}, False)],
)
def test_is_trained_on(change, expected):
    assert is_trained_on({'bbox': [0, 0, 1, 1], 'iscrowd': 0} | change) is expected
