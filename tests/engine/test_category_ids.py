"""Checkpoints carry the number of each class in the training data."""

from types import SimpleNamespace

import pytest
import torch

from mmbackbones.apis import load, train
from mmbackbones.datasets.checks.label_table import LabelTable
from mmbackbones.engine.category_ids import category_ids, ids_in_annotations
from mmbackbones.evaluation.metrics import ExactCocoMetric
from mmbackbones.weights import load_from_file
from tests.helpers import detection_folders as folders

CLASSES = ('a', 'b', 'c')


def content(ids=None, classes=CLASSES, **meta) -> dict:
    return dict(meta=dict(dataset_meta=dict(classes=classes, category_ids=ids, **meta)))


@pytest.mark.parametrize('ids', [(7, 3, 90), [0, 1, 2], (5, 65535, 0)])
def test_numbers_that_a_checkpoint_carries(ids):
    for segmentor in (False, True):
        assert category_ids(content(ids), 3, segmentor) == tuple(ids)


@pytest.mark.parametrize(
    'ids',
    [
        None,
        (),
        (1, 2),
        (7, 3, 7),
        (1, 2, '3'),
        (1, 2, 3.0),
        (True, 2, 3),
        (1, 2, 2**60),
        'abc',
        {1: 1},
        7,
        torch.arange(3) + 5,
        [[1], [2], [3]],
    ],
    ids=str,
)
def test_whatever_is_no_number_for_each_class(ids):
    assert category_ids(content(ids), 3, segmentor=False) == (1, 2, 3)
    assert category_ids(content(ids), 3, segmentor=True) == (0, 1, 2)


def test_checkpoints_of_earlier_versions_and_of_others():
    assert category_ids(content(reduce_zero_label=True), 3, segmentor=True) == (1, 2, 3)
    assert category_ids(content(reduce_zero_label=False, background='ignore'), 3, segmentor=True) == (1, 2, 3)
    assert category_ids(content(reduce_zero_label=False), 3, segmentor=True) == (0, 1, 2)
    assert category_ids(dict(meta=dict(CLASSES=CLASSES)), 3, segmentor=False) == (1, 2, 3)
    for nothing in (None, [], {}, dict(meta=5)):
        assert category_ids(nothing, 2, segmentor=False) == (1, 2)
    # These are no values of a label map.
    assert category_ids(content((-1, 2, 3)), 3, segmentor=True) == (0, 1, 2)
    assert category_ids(content((1, 2, 70_000)), 3, segmentor=True) == (0, 1, 2)
    assert category_ids(content((-1, 2, 70_000)), 3, segmentor=False) == (-1, 2, 70_000)
    # A config may name other classes than the checkpoint.
    assert category_ids(content((7, 3, 90)), 2, segmentor=False) == (1, 2)


def test_ids_of_wrapped_data_sets():
    inner = SimpleNamespace(cat_ids=[18, 44], metainfo=dict(classes=('cat', 'dog')))
    several = SimpleNamespace(datasets=[SimpleNamespace(dataset=inner), SimpleNamespace()])
    assert ids_in_annotations(inner) == ids_in_annotations(SimpleNamespace(dataset=several)) == (18, 44)
    assert ids_in_annotations(SimpleNamespace(metainfo={})) is None
    assert ids_in_annotations(SimpleNamespace(cat_ids=[1], metainfo=dict(classes=('cat', 'dog')))) is None
    assert ids_in_annotations(SimpleNamespace(cat_ids=['1'], metainfo=dict(classes=('cat',)))) is None


@pytest.mark.parametrize(
    ('table', 'numbers'),
    [
        (LabelTable.consecutive(CLASSES, 'ignore'), (1, 2, 3)),
        (LabelTable.consecutive(CLASSES, 'class'), (0, 1, 2)),
        (LabelTable.consecutive(CLASSES, 'ignore').reorder(('c', 'a', 'b')), (3, 1, 2)),
        (LabelTable.consecutive(CLASSES, 'class', ignore_label=1), (0, 1, 2)),
        (LabelTable(CLASSES, {7: 0, 8: 0, 300: 2, 26: 1}, frozenset({255})), (7, 26, 300)),
        (LabelTable(CLASSES, {0xFF0000: 0, 0xFF: 1, 0x80: 2}, frozenset(), by_color=True), (0, 1, 2)),
    ],
)
def test_numbers_of_label_maps(table, numbers):
    assert table.numbers == numbers


@pytest.mark.slow
def test_a_training_run_and_a_resumed_one(tiny_config, tmp_path, monkeypatch, cache_home):
    def run(name, **more) -> str:
        done = train(
            tiny_config,
            data=tmp_path / 'pets',
            img_scale=(64, 64),
            batch_size=2,
            work_dir=tmp_path / name,
            cfg_options={'train_dataloader.num_workers': 0, 'log_level': 'ERROR'},
            **more,
        )
        return str(done.checkpoint)

    def ids(file) -> tuple[int, ...]:
        return load_from_file(file)['meta']['dataset_meta']['category_ids']

    monkeypatch.setattr(ExactCocoMetric, 'compute_metrics', lambda self, results: dict(bbox_mAP=0.5))
    for split in ('train', 'val'):
        folders.write_coco(tmp_path / f'pets/annotations/{split}.json', folders.TRUTH[split], first_id=70)
        for stem in folders.TRUTH[split]:
            folders.write_image(tmp_path / f'pets/images/{stem}.jpg')
    file = run('first', iters=1, from_scratch=True)
    assert ids(file) == (70, 72)
    assert load(file, device='cpu').category_ids == (70, 72)

    other = torch.load(file, weights_only=False)
    other['meta']['dataset_meta'].update(category_ids=(5, 6))  # the data has the last word
    torch.save(other, tmp_path / 'other.pth')
    assert load(str(tmp_path / 'other.pth'), device='cpu').category_ids == (5, 6)
    assert ids(run('resumed', iters=2, resume=str(tmp_path / 'other.pth'))) == (70, 72)
