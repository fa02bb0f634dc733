"""Training reads the classes that labels stand for, however a label map is stored and numbered."""

import json

import numpy as np
import pytest
from mmengine.registry import DATASETS, DefaultScope
from mmseg.datasets.transforms import LoadAnnotations
from PIL import Image

import mmbackbones.engine  # noqa: F401
from mmbackbones.datasets import load_segmentation
from mmbackbones.datasets.checks.label_table import LabelTable
from mmbackbones.datasets.paired_seg_dataset import LoadByTable, PairedSegDataset

CLASSES = ('road', 'car', 'tree')
IGNORED = 255
LABELS = np.array([[0, 1, 2, 3], [255, 3, 2, 1]], np.uint8)


def gray(mode: str | None = None) -> Image.Image:
    return Image.fromarray(LABELS).convert(mode)


def palette() -> Image.Image:
    image = gray()
    image.putpalette(np.random.default_rng(0).integers(0, 256, 768).tolist())
    return image


STORED = {
    'bytes': gray(),
    'palette': palette(),
    '16 bits': Image.fromarray(LABELS.astype(np.uint16)),
    'LA': gray('LA'),
    'RGB': gray('RGB'),
    'RGBA': gray('RGBA'),
    '1 bit': Image.fromarray(LABELS == 1),
}


@pytest.mark.parametrize('asked', [None, ('tree', 'road', 'car')], ids=['the same classes', 'another order'])
def test_labels(asked, tmp_path, monkeypatch):
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'cache'))
    for kind in ('images', 'annotations'):
        for folder in ('training', 'validation'):
            (tmp_path / 'user' / kind / folder).mkdir(parents=True)
            for name, image in STORED.items():
                image = image if kind == 'annotations' else Image.new('RGB', image.size)
                image.save(tmp_path / 'user' / kind / folder / f'{name}.png')
    (tmp_path / 'user/classes.txt').write_text('\n'.join(CLASSES))

    data = load_segmentation(tmp_path / 'user', tmp_path / 'out', classes=asked)
    dataset = DATASETS.build(
        dict(
            type='PairedSegDataset',
            ann_file=str(data.splits['train'].list_file),
            **data.table.settings,
            metainfo=dict(classes=data.classes),
            pipeline=[dict(type='mmseg.LoadAnnotations')],
        )
    )
    assert len(dataset) == len(STORED)
    expected = np.full(256, IGNORED)
    expected[1:4] = [data.classes.index(name) for name in CLASSES]
    for name, sample in zip(sorted(STORED), dataset, strict=True):
        stored = (LABELS == 1).astype(int) if name == '1 bit' else LABELS
        assert (sample['gt_seg_map'] == expected[stored]).all(), name


@pytest.mark.parametrize(
    ('options', 'expected'),
    [
        (dict(), [255, 0, 1, 2]),
        (dict(ignore_label=2), [255, 0, 255, 2]),
        (dict(ignore_label=255), [255, 0, 1, 2]),
        (dict(reduce_zero_label=False), [0, 1, 2, 3]),
        (dict(reduce_zero_label=False, ignore_label=0), [255, 1, 2, 3]),
        (dict(labels=[2, 0, 1]), [255, 2, 0, 1]),
        (dict(labels=[2, 0, 1], ignore_label=1), [255, 255, 0, 1]),
        (dict(values=[], labels=[], ignore_label=1), [255, 0, 1, 2]),
        (dict(values=[3, 1], labels=[0, 255]), [255, 255, 1, 0]),
        (dict(values=[3], labels=[0], reduce_zero_label=False, background=None), [0, 1, 2, 0]),
    ],
    ids=str,
)
def test_numbering(options, expected, tmp_path):
    gray().save(tmp_path / 'labels.png')
    (tmp_path / 'list.json').write_text(json.dumps([['image.jpg', str(tmp_path / 'labels.png')]]))
    dataset = DATASETS.build(
        dict(
            type='PairedSegDataset',
            ann_file=str(tmp_path / 'list.json'),
            metainfo=dict(classes=('a', 'b', 'c', 'd')),
            pipeline=[dict(type='mmseg.LoadAnnotations')],
            **options,
        )
    )
    (sample,) = dataset
    assert (sample['gt_seg_map'] == np.array([*expected, *[255] * 252])[LABELS]).all()
    assert sample['img_path'] == 'image.jpg'
    assert dataset.metainfo['ignore_label'] == options.get('ignore_label')
    assert dataset.metainfo['reduce_zero_label'] == options.get('reduce_zero_label', True)
    background = 'ignore' if options.get('reduce_zero_label', True) else 'class'
    assert dataset.metainfo['background'] == options.get('background', background)


def test_label_maps_are_mapped_by_a_table(tmp_path, monkeypatch):
    """In nested steps, too; what MMSegmentation would compare with each value is the same."""
    monkeypatch.setattr(DefaultScope, '_instance_dict', {})  # in MMSegmentation's scope there is no mmseg.TestTimeAug
    (tmp_path / 'list.json').write_text('[["a.png", "b.png"]]')
    load, config = dict(type='LoadAnnotations'), dict(type='PairedSegDataset', ann_file=str(tmp_path / 'list.json'))
    augment = dict(type='mmseg.TestTimeAug', transforms=[[load], [dict(type='mmseg.PackSegInputs')]])
    crop = dict(type='mmseg.RandomCrop', crop_size=(8, 8))  # refuses lists
    mapped = DATASETS.build(dict(**config, labels=(1, 0), pipeline=[dict(type='mmseg.LoadAnnotations'), crop, augment]))
    first, _, nested = mapped.pipeline.transforms
    assert type(first) is type(nested.subroutines[0].transforms[0]) is LoadByTable
    assert load == dict(type='LoadAnnotations')
    plain = DATASETS.build(dict(**config, pipeline=[dict(type='mmseg.LoadAnnotations')]))
    assert type(plain.pipeline.transforms[0]) is LoadAnnotations


def test_255_as_a_class(tmp_path):
    gray().save(tmp_path / 'labels.png')
    (tmp_path / 'list.json').write_text(json.dumps([['image.jpg', str(tmp_path / 'labels.png')]]))
    table = LabelTable(('a', 'b'), {0: 0, 255: 1}, frozenset({1, 2, 3}), 'class')
    dataset = DATASETS.build(
        dict(
            type='PairedSegDataset',
            ann_file=str(tmp_path / 'list.json'),
            metainfo=dict(classes=table.names),
            pipeline=[dict(type='mmseg.LoadAnnotations')],
            **table.settings,
        )
    )
    assert dataset[0]['gt_seg_map'].tolist() == [[0, 255, 255, 255], [1, 255, 255, 255]]


@pytest.mark.parametrize(
    ('options', 'label_map'),
    [
        ({}, None),
        (dict(labels=(2, 0, 1)), {0: 2, 1: 0, 2: 1}),
        (dict(ignore_label=2), {1: 255}),
        (dict(ignore_label=2, reduce_zero_label=False), {2: 255}),
        (dict(ignore_label=0), None),
        (dict(ignore_label=255), None),
    ],
)
def test_load_data_list(options, label_map, tmp_path):
    pairs = [[f'/images/{name}.jpg', f'/labels/{name}.png'] for name in 'ab']
    (tmp_path / 'list.json').write_text(json.dumps(pairs))
    dataset = PairedSegDataset(ann_file=str(tmp_path / 'list.json'), lazy_init=True, **options)
    found = dataset.load_data_list()
    assert [[item['img_path'], item['seg_map_path']] for item in found] == pairs
    for item in found:
        assert item['label_map'] == label_map
        assert item['reduce_zero_label'] == options.get('reduce_zero_label', True)
    assert dataset.metainfo['ignore_label'] == options.get('ignore_label')


def test_a_list_is_read_as_json_whatever_its_name(tmp_path):
    """MMEngine would unpickle a file of this name."""
    (tmp_path / '.pkl').write_text('[["image.png", "labels.png"]]')
    data = PairedSegDataset(ann_file=str(tmp_path / '.pkl'), metainfo=dict(classes=CLASSES), pipeline=[])
    assert data.get_data_info(0)['img_path'] == 'image.png'
