"""Folders of results that are not as a test writes them are refused in one sentence."""

import json

import pytest

from mmbackbones.errors import UserError
from mmbackbones.evaluation.diagnosis import read_results
from tests.helpers.result_folders import write_results

BOX = [10, 10, 30, 30]


@pytest.fixture
def folder(tmp_path):
    return write_results(tmp_path, ['one'], [([(0, BOX, 0)], [(0, BOX, 0.5)])], 'segm')


def edit(path, change):
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


@pytest.mark.parametrize('name', ['metrics', 'ground_truth', 'predictions'])
def test_missing_and_damaged_files(folder, name):
    path = folder / f'{name}.json'
    for text in ('{"half', '[' * 100_000, '[]', '\x00', '{"images": 3}' if name != 'metrics' else 'NaN'):
        path.write_text(text)
        with pytest.raises(UserError, match=f'{name}.json is not as a test writes it .*: run `mmbackbones test` again'):
            read_results(folder)
    path.unlink()
    with pytest.raises(UserError, match=f'{name}.json does not exist: a folder of results is what `mmbackbones test'):
        read_results(folder)
    path.mkdir()
    with pytest.raises(UserError, match=f'{name}.json cannot be read: it is not a regular file'):
        read_results(folder)


@pytest.mark.parametrize(
    ('name', 'change', 'message'),
    [
        (
            'ground_truth',
            lambda c: c['info'].update(task='pose'),
            "its task is 'pose', not one of bbox, segm, semantic",
        ),
        ('ground_truth', lambda c: c['images'][0].update(id='x'), "'x' is no whole number"),
        ('ground_truth', lambda c: c['images'][0].update(width=0), 'an image has 0 x 100 pixels'),
        ('ground_truth', lambda c: c['images'].append(c['images'][0]), 'two images or two categories have the same id'),
        ('ground_truth', lambda c: c['annotations'][0].pop('bbox'), "it lacks 'bbox'"),
        ('ground_truth', lambda c: c['annotations'][0].update(category_id=8), 'has the category_id 8'),
        (
            'ground_truth',
            lambda c: c['annotations'][0]['segmentation'].update(size=[9, 9]),
            'in image 1 has no mask of',
        ),
        (
            'ground_truth',
            lambda c: c['annotations'][0].update(segmentation=[[1, 2]]),
            'in image 1 has no mask of its 100',
        ),
        (
            'predictions',
            lambda c: c['categories'][0].update(name='two'),
            'categories are not those of ground_truth.json',
        ),
        ('predictions', lambda c: c['annotations'][0].update(image_id=5), 'has the image_id 5, which nothing has'),
        ('predictions', lambda c: c['annotations'][0].pop('score'), 'an annotation has no score'),
        ('predictions', lambda c: c['annotations'][0].update(bbox=[1, 2, 3, 'x']), 'must be real number'),
        ('predictions', lambda c: c['annotations'][0]['segmentation'].update(counts=''), 'has no mask of its'),
        # Run lengths of fewer and of more pixels than the image has: pycocotools would compare them forever.
        ('predictions', lambda c: c['annotations'][0]['segmentation'].update(counts='d0'), 'has no mask of its'),
        ('predictions', lambda c: c['annotations'][0]['segmentation'].update(counts='d0oo9'), 'has no mask of its'),
        ('predictions', lambda c: c.update(annotations='x'), "'x' is no list"),
        ('predictions', lambda c: c.pop('annotations'), "it lacks 'annotations'"),
        ('predictions', lambda c: c['annotations'][0].update(id=1 << 70), 'is not as a test writes it'),
    ],
)
def test_what_does_not_fit(folder, name, change, message):
    edit(folder / f'{name}.json', change)
    with pytest.raises(UserError) as error:
        read_results(folder)
    assert message in str(error.value)
    assert f'{name}.json' in str(error.value)


def test_predictions_in_another_place(folder, tmp_path):
    """As ``--save-predictions`` has it: those of an earlier test, which lie in the folder, are not read."""
    other = tmp_path / 'other.json'
    other.write_bytes((folder / 'predictions.json').read_bytes())
    (folder / 'predictions.json').write_text('of an earlier test')
    edit(folder / 'ground_truth.json', lambda content: content['info'].update(predictions=str(other)))
    assert len(read_results(folder).found) == 1
