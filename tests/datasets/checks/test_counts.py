"""Numbers of images and boxes that are used."""

from mmbackbones.datasets import load_detection
from tests.helpers.coco_edits import edit


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


def test_notes_of_long_names_are_short(root, out_dir):
    edit(root, lambda d: d['categories'].append({'id': 77, 'name': 'x' * 100_000}))
    notes = load_detection(root, out_dir, splits=['train', 'val']).notes
    assert any('classes without a box' in note for note in notes)
    assert max(map(len, notes)) < 500
