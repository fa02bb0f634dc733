"""However label maps are numbered, training, metrics and a later test mean the same classes."""

import json
from copy import deepcopy

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmengine.registry import DATASETS, METRICS, init_default_scope
from PIL import Image

from mmbackbones import config_path, get_config
from mmbackbones.apis import test as evaluate
from mmbackbones.apis import train
from mmbackbones.engine.config import load_config
from mmbackbones.engine.dataset_config import apply_dataset
from mmbackbones.engine.label_options import check_label_options, labels_as_trained, trained_labels
from mmbackbones.engine.metric_config import use_exact_metrics
from mmbackbones.errors import UserError

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures('cache_home')]

CLASSES = ('road', 'car', 'tree', 'sky')
ORDER = ('sky', 'tree', 'road', 'car')  # of another model
VOID = 4  # not a class, here
SCENE = np.random.default_rng(0).integers(0, 5, (40, 48))  # position in CLASSES, or VOID

# How the label maps are written (label of each class and of VOID), and the options that say so.
READINGS = {
    'from 1': ([1, 2, 3, 4, 0], {}),
    'from 1, void 255': ([1, 2, 3, 4, 255], {}),
    'from 1, void 9': ([1, 2, 3, 4, 9], dict(ignore_label=9)),
    'from 1, said': ([1, 2, 3, 4, 0], dict(background='ignore')),
    'from 0': ([0, 1, 2, 3, 255], dict(background='class')),
    'from 0, void 200': ([0, 1, 2, 3, 200], dict(background='class', ignore_label=200)),
    'from 0, 16 bits': ([0, 1, 2, 3, 65535], dict(background='class', ignore_label=65535)),
}


def write(root, labels, names=CLASSES, scene=SCENE):
    for folder in ('training', 'validation'):
        for kind in ('images', 'annotations'):
            (root / kind / folder).mkdir(parents=True)
        for name in 'ab':
            pixels = np.array(labels)[scene].astype(np.uint8 if max(labels) < 256 else np.uint16)
            Image.fromarray(pixels).save(root / f'annotations/{folder}/{name}.png')
            Image.fromarray(np.uint8(scene * 50)).save(root / f'images/{folder}/{name}.png')
    (root / 'classes.txt').write_text('\n'.join(names))
    return root


@pytest.fixture(scope='module')
def fpn_config():
    cfg = load_config(str(config_path('semantic_fpn_van_t')), None, None)
    use_exact_metrics(cfg)
    return cfg


@pytest.mark.parametrize(
    ('reading', 'order'),
    [
        *((reading, None) for reading in READINGS),
        ('from 1', ORDER),
        ('from 0, void 200', ORDER),
    ],
)
def test_a_perfect_prediction_is_perfect(reading, order, fpn_config, tmp_path):
    labels, options = READINGS[reading]
    cfg = deepcopy(fpn_config)
    cfg.work_dir = str(tmp_path / 'run')
    apply_dataset(cfg, write(tmp_path / 'user', labels), builtin_dataset=False, classes=order, **options)
    init_default_scope('mmseg')
    names = order or CLASSES
    check_perfect_prediction(cfg, np.array([names.index(name) for name in CLASSES] + [255])[SCENE], names)


@pytest.mark.parametrize('order', [None, ('car', 'background')])
@pytest.mark.parametrize('white', [1, 255])
def test_black_and_white(white, order, fpn_config, tmp_path):
    cfg = deepcopy(fpn_config)
    cfg.work_dir = str(tmp_path / 'run')
    root = write(tmp_path / 'user', [0, 0, white, white, 0], ['car'])
    apply_dataset(cfg, root, builtin_dataset=False, classes=order)
    init_default_scope('mmseg')
    names = order or ('background', 'car')
    truth = np.array([names.index(name) for name in ('background', 'car')])[((SCENE == 2) | (SCENE == 3)).astype(int)]
    check_perfect_prediction(cfg, truth, names)


def check_perfect_prediction(cfg, truth, names):
    cfg.train_dataloader.dataset.pipeline = cfg.train_dataloader.dataset.pipeline[:2]
    sample = DATASETS.build(cfg.train_dataloader.dataset)[0]
    assert (sample['gt_seg_map'] == truth).all()

    for split in ('val', 'test'):
        dataset = DATASETS.build(cfg[f'{split}_dataloader'].dataset)
        metric = METRICS.build(cfg[f'{split}_evaluator'])
        metric.dataset_meta = dataset.metainfo
        for batch in map(pseudo_collate, ([sample] for sample in dataset)):
            (sample,) = batch['data_samples']
            sample = sample.to_dict()
            prediction = torch.from_numpy(np.where(truth == 255, 0, truth))
            sample['pred_sem_seg'] = dict(data=prediction[None])
            metric.process(batch, [sample])
        figures = metric.evaluate(len(dataset))
        assert set(figures.values()) == {1.0}
        if split == 'test':
            assert {f'IoU_{name}' for name in names} < set(figures)


@pytest.fixture(scope='module')
def trained(tiny_seg_config, tmp_path_factory):
    """A run on label maps that are counted from 0, with label 9 for what is to be ignored."""
    folder = tmp_path_factory.mktemp('from 0')
    root = write(folder / 'user', [0, 1, 2, 3, 9])
    train(
        tiny_seg_config,
        data=str(root),
        img_scale=(64, 64),
        iters=1,
        batch_size=2,
        from_scratch=True,
        work_dir=str(folder / 'run'),
        background='class',
        ignore_label=9,
    )
    return root, folder / 'run'


def test_a_checkpoint_remembers_the_reading(trained):
    _, run = trained
    meta = torch.load(run / 'iter_1.pth', weights_only=False)['meta']['dataset_meta']
    assert (meta['reduce_zero_label'], meta['ignore_label']) == (False, 9)
    assert meta['category_ids'] == (0, 1, 2, 3)


def test_a_test_reads_label_maps_as_training_did(trained, tiny_seg_config, tmp_path):
    root, run = trained
    figures = {}
    for name, options in {'default': {}, 'said': dict(background='class', ignore_label=9)}.items():
        figures[name] = evaluate(
            str(run / 'iter_1.pth'),
            config=tiny_seg_config,
            data=str(root),
            img_scale=(64, 64),
            work_dir=str(tmp_path / name),
            **options,
        )
        pairs = json.loads((tmp_path / name / 'data/val.json').read_text())
        assert len(pairs) == 2
    assert figures['default'] == figures['said']
    assert all(figures['default'][f'IoU_{name}'] >= 0 for name in CLASSES)  # -1: a class that occurs nowhere


def test_images_below_what_backbones_take_are_padded(trained, tiny_seg_config, tmp_path):
    _, run = trained
    root = write(tmp_path / 'user', [0, 1, 2, 3, 9], scene=SCENE[:5])
    figures = evaluate(
        str(run / 'iter_1.pth'),
        config=tiny_seg_config,
        data=str(root),
        img_scale=(48, 48),
        work_dir=str(tmp_path / 'run'),
    )
    assert figures['mIoU'] >= 0


def test_images_of_which_nothing_is_left(trained, tiny_seg_config, tmp_path):
    _, run = trained
    root = write(tmp_path / 'user', [0, 1, 2, 3, 9], scene=np.resize(SCENE, (2, 600)))
    with pytest.raises(UserError, match=r'[ab]\.png is 600x2 pixels: resized to .* side would be 0 pixels'):
        evaluate(
            str(run / 'iter_1.pth'),
            config=tiny_seg_config,
            data=str(root),
            img_scale=(64, 64),
            work_dir=str(tmp_path / 'run'),
        )


def test_a_resumed_run_reads_label_maps_as_before(trained, tiny_seg_config, tmp_path):
    root, run = trained
    options = dict(data=str(root), img_scale=(64, 64), iters=2, batch_size=2, resume=str(run / 'iter_1.pth'))
    with pytest.raises(UserError, match='--background is ignore, but .* was trained with class'):
        train(tiny_seg_config, **options, work_dir=str(tmp_path / 'other'), background='ignore')
    with pytest.raises(UserError, match='--ignore-label is 8, but .* was trained with 9'):
        train(tiny_seg_config, **options, work_dir=str(tmp_path / 'another'), ignore_label=8)
    train(tiny_seg_config, **options, work_dir=str(tmp_path / 'same'))
    meta = torch.load(tmp_path / 'same/iter_2.pth', weights_only=False)['meta']['dataset_meta']
    assert (meta['reduce_zero_label'], meta['ignore_label']) == (False, 9)
    assert meta['category_ids'] == (0, 1, 2, 3)


def test_without_being_told_neither_check_nor_training_guesses(tool, tiny_seg_config, tmp_path):
    root = write(tmp_path / 'user', [0, 1, 2, 3, 255])
    for name, *arguments in (
        ['check-data', root],
        ['train', tiny_seg_config, '--data', root, '--from-scratch', '--work-dir', tmp_path / 'run'],
    ):
        code, out, err = tool(name, *arguments)
        assert (code, 'ready' in out) == (2, False)
        assert '--background class' in err
        assert "'road'" in err
        assert 'Traceback' not in err
    code, out, err = tool('check-data', root, '--background', 'class')
    assert code == 0, err
    assert "label 0 is 'road'" in out
    assert 'label 255 is in 4 of 4 label maps' in out


def test_a_detector_reads_no_label_maps(tool, tiny_config, shapes, tmp_path):
    for option in (['--background', 'class'], ['--ignore-label', '3']):
        code, _, err = tool('train', tiny_config, '--data', shapes, *option, '--work-dir', tmp_path / 'run')
        assert code == 2
        assert 'this config is of a detector' in err.splitlines()[-1]


@pytest.mark.parametrize('option', [['--background', 'maybe'], ['--ignore-label', '-1'], ['--ignore-label', '70000']])
def test_values_that_there_are_not(tool, tmp_path, option):
    code, _, err = tool('check-data', write(tmp_path / 'user', [1, 2, 3, 4, 0]), *option)
    assert code == 2
    assert option[0].replace('--', '').replace('-', '_')[:6] in err.replace('-', '_')


def content(**meta):
    return dict(meta=dict(dataset_meta=meta))


@pytest.mark.parametrize(
    ('checkpoint', 'options'),
    [
        (content(reduce_zero_label=True, ignore_label=9), dict(background='ignore', ignore_label=9)),
        (content(reduce_zero_label=False), dict(background='class', ignore_label=None)),
        (content(reduce_zero_label=False, ignore_label='9'), dict(background='class', ignore_label=None)),
        (content(reduce_zero_label=False, background=None), dict(background=None, ignore_label=None)),
        (content(reduce_zero_label=False, background='ignore'), dict(background='ignore', ignore_label=None)),
        (content(reduce_zero_label=False, background=['class']), dict(background=None, ignore_label=None)),
        (content(reduce_zero_label='yes'), {}),
        (content(), {}),
        (dict(meta=5), {}),
        ([], {}),
    ],
)
def test_label_options_in_a_checkpoint(checkpoint, options):
    assert trained_labels(checkpoint) == options


@pytest.mark.parametrize(
    ('given', 'resumed', 'used'),
    [
        ((None, None), dict(background='class', ignore_label=9), ('class', 9)),
        (('class', 9), dict(background='class', ignore_label=9), ('class', 9)),
        (('ignore', 3), {}, ('ignore', 3)),
        ((None, None), {}, (None, None)),
    ],
)
def test_label_options_of_a_resumed_run(given, resumed, used):
    found = labels_as_trained('a.pth', *given, resumed=resumed)
    assert found == dict(zip(('background', 'ignore_label'), used, strict=True))


def test_label_options_that_a_resumed_run_did_not_have():
    with pytest.raises(UserError, match='--ignore-label is 3, but a.pth was trained with no --ignore-label: a resumed'):
        labels_as_trained('a.pth', None, 3, resumed=dict(background='class', ignore_label=None))


def test_label_options_are_for_segmentors():
    check_label_options(get_config('upernet_van_t'), 'class', 3)
    check_label_options(get_config('retinanet_van_t'), None, None)
    with pytest.raises(UserError, match='this config is of a detector'):
        check_label_options(get_config('retinanet_van_t'), None, 0)
