"""Predictions in COCO form, and the file that they are written to image by image."""

import errno
import json
from types import SimpleNamespace

import numpy as np
import pytest
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO

from mmbackbones.errors import UserError
from mmbackbones.evaluation.coco_file import CocoFile
from mmbackbones.evaluation.coco_form import coco_annotations

CLASSES, IDS = ('cat', 'dog', 'a "cow"\n☃'), (7, 3, 90)


def found(boxes=(), scores=(), labels=(), masks=None, segmentation=None) -> SimpleNamespace:
    return SimpleNamespace(
        boxes=np.array(boxes, np.float32).reshape(-1, 4),
        scores=np.array(scores, np.float32),
        labels=np.array(labels, np.int64),
        masks=masks,
        segmentation=segmentation,
        category_ids=IDS,
    )


def test_boxes_read_back_to_the_last_digit(tmp_path):
    boxes = np.random.default_rng(0).uniform(0, 4000, (200, 4)).astype(np.float32)
    boxes[:, 2:] += boxes[:, :2]
    scores = np.random.default_rng(1).random(200).astype(np.float32)
    labels = np.arange(200) % 3
    with CocoFile(tmp_path / 'a.json', CLASSES, IDS) as file:
        file.write(dict(file_name='a.jpg', width=8000, height=8000), coco_annotations(found(boxes, scores, labels)))
    content = json.loads((tmp_path / 'a.json').read_text())
    read = np.array([item['bbox'] for item in content['annotations']])
    assert np.array_equal(np.hstack((read[:, :2], read[:, :2] + read[:, 2:])), boxes.astype(np.float64))
    assert np.array_equal([item['score'] for item in content['annotations']], scores.astype(np.float64))
    assert [item['category_id'] for item in content['annotations'][:4]] == [7, 3, 90, 7]
    assert [item['id'] for item in content['annotations']] == list(range(1, 201))
    assert content['images'] == [dict(id=1, file_name='a.jpg', width=8000, height=8000)]
    assert content['categories'] == [dict(id=i, name=name) for i, name in zip(IDS, CLASSES, strict=True)]


def test_masks_and_label_maps():
    masks = np.zeros((1, 6, 8), bool)
    masks[0, 1:3, 2:7] = True
    (item,) = coco_annotations(found([[2, 1, 7, 3]], [0.5], [1], masks), image_id=4)
    assert np.array_equal(coco_mask.decode(item.pop('segmentation')), masks[0])
    assert item == dict(image_id=4, category_id=3, bbox=[2, 1, 5, 2], area=10, iscrowd=0, score=0.5)
    classes = np.where(masks[0], 2, 0)
    rest, cow = coco_annotations(found(segmentation=classes))
    assert np.array_equal(coco_mask.decode(cow['segmentation']), masks[0])
    assert (rest['category_id'], rest['area'], cow['category_id'], cow['bbox']) == (7, 38, 90, [2, 1, 5, 2])
    assert 'image_id' not in cow


def test_objects_that_are_no_numbers_are_left_out():
    boxes = [[0, 0, np.nan, 1], [0, 0, np.inf, 1], [0, 0, 1, 1], [0, 0, 2, 2]]
    (item,) = coco_annotations(found(boxes, [0.5, 0.5, np.nan, 0.5], [0, 0, 0, 1]))
    assert item['bbox'] == [0, 0, 2, 2]


def test_names_of_any_characters_and_pycocotools(tmp_path):
    names = ['a.jpg', 'not UTF-8 \udcff.jpg', '☃ \N{RIGHT-TO-LEFT OVERRIDE}"\\\n.png']
    with CocoFile(tmp_path / 'deep/a.json', CLASSES, IDS) as file:
        for number, name in enumerate(names):
            image = dict(file_name=name, width=9, height=9)
            file.write(image, coco_annotations(found([[0, 0, 5, 5]] * number, [0.5] * number, [2] * number)))
    coco = COCO(str(tmp_path / 'deep/a.json'))
    assert [image['file_name'] for image in coco.dataset['images']] == names
    assert [item['image_id'] for item in coco.dataset['annotations']] == [2, 3, 3]
    assert coco.loadCats([90])[0]['name'] == CLASSES[2]
    results = json.loads((tmp_path / 'deep/a.json').read_text())['annotations']
    assert len(coco.loadRes(results).anns) == 3


def test_nothing_at_all(tmp_path):
    with CocoFile(tmp_path / 'a.json', (), ()):
        pass
    assert json.loads((tmp_path / 'a.json').read_text()) == dict(categories=[], annotations=[], images=[])


@pytest.mark.parametrize('error', [KeyboardInterrupt, ValueError])
def test_an_interrupted_run_leaves_what_there_is(error, tmp_path, monkeypatch):
    (tmp_path / 'a.json').write_text('of an earlier run')
    image = dict(file_name='a.jpg', width=9, height=9)

    def interrupted():
        with CocoFile(tmp_path / 'a.json', CLASSES, IDS) as file:
            for _ in range(3):
                file.write(image, coco_annotations(found([[0, 0, 5, 5]], [0.5], [2])))
            assert (tmp_path / 'a.json').read_text() == 'of an earlier run'
            file._file.write(b',\n{"half an annot')
            raise error

    with pytest.raises(error):
        interrupted()
    content = json.loads((tmp_path / 'a.json').read_text())
    assert [item['image_id'] for item in content['annotations']] == [image['id'] for image in content['images']]
    assert len(content['images']) == 3
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / 'folder').write_text('no folder')
    file = CocoFile(tmp_path / 'folder/a.json', CLASSES, IDS)
    with pytest.raises(UserError, match=r'cannot write the predictions to .*a\.json: '):
        file.__enter__()


def test_a_full_disk_keeps_the_earlier_file(tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, 'No space left on device')

    (tmp_path / 'a.json').write_text('of an earlier run')
    monkeypatch.setattr('shutil.copyfileobj', full)
    file = CocoFile(tmp_path / 'a.json', CLASSES, IDS).__enter__()
    with pytest.raises(UserError, match='cannot write .* No space left on device'):
        file.close()
    assert (tmp_path / 'a.json').read_text() == 'of an earlier run'
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']
