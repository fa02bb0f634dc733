"""Class lists that splits and checkpoints have to share."""

import json

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.checks.classes import check_same_classes, describe_similar
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_edits import edit


def test_classes_that_differ_between_splits(root, out_dir):
    edit(root, lambda d: d['categories'][0].update(name='cow'), 'test')
    message = r"test\.json: .* those of .*train\.json; missing: 'cat'; unexpected: 'cow'$"
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir, splits=['train', 'val'])


def test_a_split_may_list_other_classes_as_long_as_it_has_no_box_of_them(root, out_dir):
    def change(data):
        data['annotations'] = [item for item in data['annotations'] if item['category_id'] == 2]
        data['categories'] = [{'id': 5, 'name': 'cow'}, {'id': 2, 'name': 'dog'}]

    edit(root, change, 'val')
    data = load_detection(root, out_dir)
    assert data.classes == folders.CLASSES
    content = json.loads(data.splits['val'].ann_file.read_text())
    assert [(item['id'], item['name']) for item in content['categories']] == [(6, 'cat'), (2, 'dog')]
    assert data.notes[0] == (
        'annotations/val.json: 1 class that it does not list added, 1 class that it lists without a box left out'
    )


@pytest.mark.parametrize(
    ('found', 'occurring', 'message'),
    [
        (['dog', 'cat'], None, None),  # the order does not matter
        (['cat'], None, "missing: 'dog'"),
        (['cat', 'dog', 'cow'], None, "unexpected: 'cow'"),
        (['cow'], None, "missing: 'cat', 'dog'; unexpected: 'cow'"),
        (['cow', 'cat'], ['cat'], None),
        (['cow', 'cat'], [], None),
        (['cow', 'cat'], ['cow'], "missing: 'dog'; unexpected: 'cow'"),
        ([f'c{index}' for index in range(10)] + ['cat', 'dog'], None, "'c6', 'c7' and 2 more"),
    ],
)
def test_check_same_classes(found, occurring, message):
    if message is None:
        assert check_same_classes(found, ['cat', 'dog'], 'val', 'those of train', occurring) is None
        return
    with pytest.raises(UserError, match=f'^val: its classes differ from those of train; .*{message}$'):
        check_same_classes(found, ['cat', 'dog'], 'val', 'those of train', occurring)


@pytest.mark.parametrize(
    ('names', 'similar'),
    [
        (['cat', 'dog', 'Cat'], "'cat' and 'Cat'"),
        (['traffic light', 'traffic_light'], "'traffic light' and 'traffic_light'"),
        (['a', 'ä', 'b', 'C++', 'C#', '1', '11'], None),
    ],
)
def test_similar_names(names, similar):
    said = f'{similar} are two classes: give them one name if they are the same'
    assert describe_similar(names) == ([said] if similar else [])
