"""Data sets are written into configs, and the numbers of the check are what MMDetection and pycocotools count."""

import json
import re
from pathlib import Path

import mmdet.datasets  # noqa: F401
import numpy as np
import pytest
from mmdet.registry import DATASETS
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones import get_config
from mmbackbones.datasets import load_detection
from mmbackbones.engine.config import load_config
from mmbackbones.engine.dataset_config import apply_dataset, is_segmentor, learns_masks, resolve_data_root
from mmbackbones.engine.training import run_training
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_edits import first

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('cache_home')]


@pytest.fixture
def root(tmp_path):
    """A folder whose images without boxes are a2 of four, and none of two."""
    folders.plain(tmp_path / 'user')
    return tmp_path / 'user'


def edit(root, change, splits=('train', 'val')) -> None:
    for split in splits:
        file = root / f'annotations/{split}.json'
        content = json.loads(file.read_text())
        change(content)
        file.write_text(json.dumps(content))


def triple(key: str, **values):
    """Change the first annotation, and add two like it."""

    def change(data):
        data['annotations'][0].update(values)
        data['annotations'] += [data['annotations'][0] | {'id': number} for number in (101, 102)]

    return change


def reduce_to(number: int):
    return lambda data: data.update(annotations=data['annotations'][:number])


# What is odd: the change; boxes that are trained on, of four, and counted in evaluation, of three; a word of the notes.
ODD = {
    'nothing': (lambda data: None, 4, 3, None),
    'ignore': (first(ignore=1), 3, 2, r'1 box marked "ignore" treated as a crowd'),
    'ignore and true': (first(ignore=True), 3, 2, 'treated as a crowd'),
    'not to be ignored': (first(ignore=0), 4, 3, None),
    'crowd': (first(iscrowd=1), 3, 2, r'marked as crowds, not among those counted: 1; not trained on'),
    'crowd to be ignored': (first(iscrowd=1, ignore=1), 3, 2, 'crowds, not among those counted: 1'),
    'most are crowds': (lambda data: [item.update(iscrowd=1) for item in data['annotations'][1:]], 1, 1, 'crowds'),
    'area 0': (first(area=0), 4, 3, '1 area filled in'),
    'negative area': (first(area=-5), 4, 3, '1 area filled in'),
    'area as text': (first(area='12'), 4, 3, '1 area filled in'),
    'area NaN': (first(area=float('nan')), 4, 3, '1 area filled in'),
    'area infinite': (first(area=float('inf')), 4, 3, '1 area that does not fit'),
    'narrow': (first(bbox=[5, 5, 0.5, 9], area=4.5), 3, 3, 'narrower or lower than a pixel, .* not trained on: 1'),
    'low': (first(bbox=[5, 5, 9, 0.5], area=4.5), 3, 3, 'narrower or lower than a pixel'),
    'one pixel': (first(bbox=[5, 5, 1, 1], area=1), 4, 3, None),
    'no width': (first(bbox=[5, 5, 0, 9]), 3, 2, '1 box without area dropped'),
    'outside': (first(bbox=[64, 5, 9, 9]), 3, 2, '1 box without area dropped'),
    'touching': (first(bbox=[-9, 5, 9, 9]), 3, 2, '1 box without area dropped'),
    'a sliver inside': (first(bbox=[63.5, 5, 9, 9]), 3, 3, '1 box clipped'),
    'partly outside': (first(bbox=[60, 5, 9, 9]), 4, 3, '1 box clipped'),
    'another category': (lambda data: data['categories'].append({'id': 77, 'name': 'cow'}), 4, 3, None),
    'category without boxes': (lambda data: data['categories'].insert(0, {'id': 1, 'name': 'ant'}), 4, 3, None),
    'negative ids': (lambda data: [item.update(id=-item['id']) for item in data['annotations']], 4, 3, None),
    'sizes as text': (lambda data: [item.update(width='64', height='48') for item in data['images']], 4, 3, 'size'),
    'sizes with a point': (lambda data: [item.update(width=64.0) for item in data['images']], 4, 3, 'size'),
    'sizes of 0': (lambda data: [item.update(width=0, height=0) for item in data['images']], 4, 3, 'sizes filled in'),
    'id 0': (first(id=0), 4, 3, 'renumbered from 1'),
    'listed twice': (lambda data: data['images'].append(data['images'][0] | {'id': 99}), 4, 3, 'more than once'),
    'three alike': (triple('bbox', iscrowd=0), 6, 5, None),
}


def trained(dataset) -> tuple[int, int]:
    """Images and boxes that a batch can have."""
    instances = [item for i in range(len(dataset)) for item in dataset.get_data_info(i)['instances']]
    return len(dataset), sum(not item['ignore_flag'] for item in instances)


def evaluated(ann_file, classes) -> tuple[int, int]:
    """Images, and boxes that a detector is expected to find, by pycocotools' own preparation."""
    coco = COCO(ann_file)
    result = coco.loadRes(
        [dict(image_id=next(iter(coco.imgs)), category_id=next(iter(coco.cats)), bbox=[0, 0, 1, 1], score=1.0)]
    )
    run = COCOeval(coco, result, 'bbox')
    run.params.catIds = coco.getCatIds(catNms=classes)
    run._prepare()
    return len(run.params.imgIds), sum(not truth['ignore'] for truths in run._gts.values() for truth in truths)


@pytest.mark.parametrize(('change', 'train_boxes', 'val_boxes', 'note'), ODD.values(), ids=ODD)
def test_libraries_count_the_same(change, train_boxes, val_boxes, note, root, tmp_path, tiny_config, logged):
    messages = logged('mmbackbones.engine.dataset_config')
    edit(root, change)
    cfg = load_config(tiny_config, str(tmp_path / 'work'), None)
    apply_dataset(cfg, root, builtin_dataset=False, splits=('train', 'val'))
    summary = re.search(r'train (\d+) images?, (\d+) box(?:es)?; val (\d+) images?, (\d+) box(?:es)?', messages[0])
    numbers = [int(number) for number in summary.groups()]
    classes = cfg.train_dataloader.dataset.metainfo['classes']
    assert numbers == [
        *trained(DATASETS.build(cfg.train_dataloader.dataset)),
        *evaluated(cfg.val_evaluator.ann_file, classes),
    ]
    assert (numbers[1], numbers[3]) == (train_boxes, val_boxes)
    assert (re.search(note, ' '.join(messages[1:])) is not None) if note else len(messages) < 3


def test_every_box_has_the_size_that_its_area_says(root, tmp_path):
    """pycocotools tells small objects from large ones by `area`: 16x16 is small, whatever the file pretends."""
    for area in (10**7, 1, 0.001, 257 * 2):
        edit(root, lambda data, area=area: [item.update(area=area) for item in data['annotations']])
        split = load_detection(root, tmp_path / 'out').splits['val']
        found = [
            (item['area'], item['bbox'][2] * item['bbox'][3])
            for item in json.loads(split.ann_file.read_text())['annotations']
        ]
        assert found[0] == (256, 256)


@pytest.mark.parametrize(('area', 'images'), [(81, 4), (None, 3)], ids=['file in place', 'repaired copy'])
def test_settings_of_coco_drop_images(area, images, root, tmp_path, tiny_config):
    """With the data set of the config, the training images are those of the authors, and so is their number."""

    def change(data):
        Image.new('RGB', (20, 60)).save(root / 'images/small.png')
        data['images'].append({'id': 50, 'file_name': 'small.png', 'width': 20, 'height': 60})
        for number, image, width in ((50, 50, 9), (51, 1, 0)):  # the second is a2, whose only box is none
            data['annotations'].append(
                {
                    'id': number,
                    'image_id': image,
                    'category_id': 0,
                    'iscrowd': 0,
                    'area': area,
                    'bbox': [1, 1, width, 9],
                }
            )

    edit(root, change, ['train'])
    cfg = load_config(tiny_config, str(tmp_path / 'work'), None)
    apply_dataset(cfg, root, builtin_dataset=True)
    filter_cfg = cfg.train_dataloader.dataset.filter_cfg
    assert filter_cfg == dict(filter_empty_gt=True, min_size=32)
    split = load_detection(root, tmp_path / 'out', filter_cfg=filter_cfg).splits['train']
    assert (split.images, split.boxes) == trained(DATASETS.build(cfg.train_dataloader.dataset)) == (images, 4)


@pytest.mark.parametrize('config', ['tiny_config', 'tiny_mask_config'])
def test_training_on_batches_without_boxes(config, root, tmp_path, request):
    """Two images of four have boxes, and a batch has one image."""

    def change(data):
        data['annotations'] = [item for item in data['annotations'] if item['image_id'] in (0, 5)][:2]
        for item in data['annotations']:
            x, y, w, h = item['bbox']
            item['segmentation'] = [[x, y, x + w, y, x + w, y + h, x, y + h]]

    edit(root, change, ['train'])
    edit(
        root,
        lambda data: [
            item.update(segmentation=[[8, 8, 24, 8, 24, 24, 0, 24]], bbox=[8, 8, 16, 16])
            for item in data['annotations']
        ],
        ['val', 'test'],
    )
    runner = run_training(
        request.getfixturevalue(config),
        str(root),
        img_scale=(64, 64),
        epochs=1,
        from_scratch=True,
        work_dir=str(tmp_path / 'work'),
        batch_size=1,
        lr=1e-4,
    )
    history = runner.message_hub.get_scalar('train/loss').data[0]
    assert len(history) == 4
    assert np.isfinite(history).all()


@pytest.mark.parametrize('size', [(1, 300), (300, 1)])
def test_images_too_thin_to_resize(size, root, tmp_path, tiny_config):
    Image.new('RGB', size).save(root / 'images/thin.png')
    edit(
        root,
        lambda data: data['images'].append({'id': 50, 'file_name': 'thin.png', 'width': size[0], 'height': size[1]}),
        ['val'],
    )
    with pytest.raises(UserError, match=rf'thin\.png is {size[0]}x{size[1]} pixels: resized to fit into 64x64'):
        run_training(
            tiny_config, str(root), img_scale=(64, 64), epochs=1, from_scratch=True, work_dir=str(tmp_path / 'work')
        )


def test_a_line_break_in_a_name_does_not_break_the_log(root, tmp_path, tiny_config, logged):
    (root / 'images/a1.jpg').rename(root / 'images/a\n1.jpg')
    edit(root, lambda data: data['images'].append({**data['images'][0], 'id': 70}), ['train'])
    edit(root, lambda data: [image.update(file_name='a\n1.jpg') for image in data['images'][::4]], ['train'])
    cfg = load_config(tiny_config, str(tmp_path / 'work'), None)
    messages = logged('mmbackbones.engine.dataset_config')
    apply_dataset(cfg, root, builtin_dataset=False, splits=('train', 'val'))
    assert messages
    assert not [text for text in messages if not text.isprintable()]


def test_tasks_of_configs():
    kinds = {}
    for name in ('retinanet_van_t', 'mask_rcnn_van_t', 'upernet_van_t'):
        cfg = get_config(name)
        kinds[name] = is_segmentor(cfg), not is_segmentor(cfg) and learns_masks(cfg)
    assert kinds == dict(retinanet_van_t=(False, False), mask_rcnn_van_t=(False, True), upernet_van_t=(True, False))


def test_data_root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    cfg = get_config('retinanet_van_t')
    assert resolve_data_root(cfg, str(tmp_path)) == tmp_path
    with pytest.raises(UserError, match='^none does not exist: --data takes a folder, a YAML file, or shapes$'):
        resolve_data_root(cfg, 'none')
    monkeypatch.setattr('mmbackbones.engine.dataset_config.generate_shapes', lambda: tmp_path / 'made')
    (tmp_path / 'made').mkdir()
    assert resolve_data_root(cfg, 'shapes') == tmp_path / 'made'
    with pytest.raises(UserError, match='^data/coco/ is not there: download train2017.zip.*--data shapes$'):
        resolve_data_root(cfg, None)
    (tmp_path / 'data/coco').mkdir(parents=True)
    assert resolve_data_root(cfg, None) == Path('data/coco')
    cfg.train_dataloader.dataset.ann_file = 'mine.json'
    with pytest.raises(UserError, match="the config's own data is not there: data/coco/mine.json does not exist"):
        resolve_data_root(cfg, None)
    (tmp_path / 'data/coco/mine.json').touch()
    assert resolve_data_root(cfg, None) is None


def test_joined_data_sets_are_not_replaced(root, tmp_path, tiny_config):
    cfg = load_config(tiny_config, str(tmp_path), None)
    dataset = cfg.train_dataloader.dataset
    cfg.train_dataloader.dataset = dict(type='ConcatDataset', datasets=[dataset, dataset])
    with pytest.raises(UserError, match='data set of type ConcatDataset, which --data cannot replace'):
        apply_dataset(cfg, root, builtin_dataset=False)
