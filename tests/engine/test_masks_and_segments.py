"""Training, testing and data checks of models for masks and label maps, through the command line."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from mmengine.config import Config
from mmseg.datasets import ADE20KDataset
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from mmbackbones.apis import load, train
from mmbackbones.apis import test as evaluate
from mmbackbones.datasets.shapes import CLASSES
from mmbackbones.engine.initial_weights import checkpoint_classes
from mmbackbones.evaluation.diagnosis import diagnose, read_results

pytestmark = pytest.mark.slow

SMALL = ['--img-scale', 64, 64]
NAMES = ('background', *CLASSES)


@pytest.fixture(scope='module')
def segmentor(tiny_seg_config, shapes, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('segmentor')
    train(tiny_seg_config, data=str(shapes), img_scale=(64, 64), epochs=1, work_dir=str(work_dir))
    return work_dir


@pytest.fixture(scope='module')
def mask_detector(tiny_mask_config, shapes, tmp_path_factory):
    work_dir = tmp_path_factory.mktemp('masks')
    train(tiny_mask_config, data=str(shapes), img_scale=(64, 64), epochs=1, work_dir=str(work_dir))
    return work_dir


def run_test(tool, config, run, data, folder, tta):
    """The metrics of a test, which also draws its four images, and what it prints."""
    arguments = ['--data', data, *SMALL, *tta, '--show-dir', folder / 'shown', '--work-dir', folder]
    code, out, err = tool('test', config, run / 'epoch_1.pth', *arguments)
    assert code == 0, err
    assert len(list((folder / 'shown').iterdir())) == 4
    return json.loads((folder / 'metrics.json').read_text()), out


@pytest.mark.parametrize('tta', [[], ['--tta']], ids=['one scale', 'tta'])
def test_segmentor(tool, segmentor, tiny_seg_config, shapes, tmp_path, tta):
    metrics, out = run_test(tool, tiny_seg_config, segmentor, shapes, tmp_path, tta)
    assert set(metrics) == {'mIoU', 'mAcc', 'aAcc', *(f'{kind}_{name}' for kind in ('IoU', 'Acc') for name in NAMES)}
    assert all(0 <= value <= 1 for value in metrics.values())
    for words in ('mIoU', f'{metrics["mIoU"]:.3f}', 'triangle', f'{metrics["IoU_background"]:.3f}'):
        assert words in out
    diagnosis = diagnose(read_results(tmp_path))
    assert [figures.name for figures in diagnosis.classes] == list(NAMES)
    for figures in diagnosis.classes:
        assert figures.iou == pytest.approx(metrics[f'IoU_{figures.name}'])
        assert figures.accuracy == pytest.approx(metrics[f'Acc_{figures.name}'])
    assert diagnosis.confusion.sum() == 4 * 64 * 64


@pytest.mark.parametrize('tta', [[], ['--tta']], ids=['one scale', 'tta'])
def test_mask_detector(tool, mask_detector, tiny_mask_config, shapes, tmp_path, tta):
    metrics, _ = run_test(tool, tiny_mask_config, mask_detector, shapes, tmp_path, tta)
    names = {'mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l', *(f'AP_{name}' for name in CLASSES)}
    assert set(metrics) == {f'{kind}_{name}' for kind in ('bbox', 'segm') for name in names}
    content = json.loads((tmp_path / 'predictions.json').read_text())
    truth = COCO(shapes / 'annotations/val.json')
    assert content['images'] == truth.dataset['images']
    boxes, masks = content['annotations'], [dict(item) for item in content['annotations']]
    for item in masks:
        del item['bbox']  # which would count as the size of the object
    for kind, items in ('bbox', boxes), ('segm', masks):
        evaluation = COCOeval(truth, truth.loadRes(items), kind)
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
        assert evaluation.stats[:6].tolist() == [
            metrics[f'{kind}_{name}'] for name in ('mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l')
        ]
    copied = json.loads((tmp_path / 'ground_truth.json').read_text())
    assert all(Path(image['path']) == shapes / 'images' / image['file_name'] for image in copied['images'])
    assert [image['id'] for image in copied['images']] == [image['id'] for image in content['images']]
    given = json.loads((shapes / 'annotations/val.json').read_text())['annotations']
    assert sorted(copied['annotations'], key=lambda item: item['id']) == [
        {key: item[key] for key in copied['annotations'][0]} for item in given
    ]
    info = copied['info']
    assert (info['task'], info['classes']) == ('segm', list(CLASSES))
    assert info['checkpoint'] == str(mask_detector / 'epoch_1.pth')
    assert info['sha256'] == hashlib.sha256((mask_detector / 'epoch_1.pth').read_bytes()).hexdigest()
    assert {'mmbackbones', 'torch', 'mmdet'} <= info['versions'].keys()
    diagnosis = diagnose(read_results(tmp_path))
    for figures in diagnosis.classes:
        assert figures.ap == pytest.approx(metrics[f'segm_AP_{figures.name}'], abs=1e-12)


def test_where_predictions_are_saved(tool, mask_detector, segmentor, shapes, tmp_path):
    def run(model, file):
        return tool('test', model / 'epoch_1.pth', *arguments, '--work-dir', tmp_path, '--save-predictions', file)

    arguments = ['--data', shapes, *SMALL]
    code, out, err = run(mask_detector, tmp_path / 'deep/found.json')
    assert code == 0, err
    assert f'predictions written to {tmp_path}/deep/found.json' in out
    assert not (tmp_path / 'predictions.json').exists()
    assert len(read_results(tmp_path).found) == len(
        json.loads((tmp_path / 'deep/found.json').read_text())['annotations']
    )
    for model, file, message in (
        (mask_detector, shapes / 'annotations/val.json', 'would overwrite the annotations in'),
        (mask_detector, tmp_path / 'found.txt', 'give it a name that ends in .json'),
        (segmentor, tmp_path / 'ground_truth.json', 'is where the ground truth is written: choose another file'),
    ):
        code, _, err = run(model, file)
        assert code == 2
        assert message in err.splitlines()[-1]
    (tmp_path / 'ground_truth.json').write_text(json.dumps({'images': [], 'annotations': []}))
    code, _, err = run(segmentor, tmp_path / 'found.json')
    assert code == 2
    assert 'ground_truth.json is not from a test, which would overwrite it: choose another --work-dir' in err


@pytest.mark.parametrize('kind', ['segmentor', 'mask_detector'])
def test_the_checkpoint_alone_gives_the_same_metrics(tool, kind, request, shapes, tmp_path):
    """And the same pictures, with test-time augmentation."""
    run = request.getfixturevalue(kind)
    (config,) = run.glob('*.py')
    metrics, out = run_test(tool, config, run, shapes, tmp_path / 'a', ['--tta'])
    arguments = ['--data', shapes, *SMALL, '--tta', '--show-dir', tmp_path / 'b/shown', '--work-dir', tmp_path / 'b']
    code, out_alone, err = tool('test', run / 'epoch_1.pth', *arguments)
    assert code == 0, err
    assert json.loads((tmp_path / 'b' / 'metrics.json').read_text()) == metrics
    assert out_alone.splitlines()[-8:] == out.splitlines()[-8:]
    for picture in (tmp_path / 'a' / 'shown').iterdir():
        assert (tmp_path / 'b' / 'shown' / picture.name).read_bytes() == picture.read_bytes()
    model = load(run / 'epoch_1.pth', device='cpu')
    assert model.task == ('semantic' if kind == 'segmentor' else 'instance') + ' segmentation'
    assert model.classes == (NAMES if kind == 'segmentor' else CLASSES)
    assert model.img_scale == (64, 64)


def contents(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in folder.rglob('*')
        if path.is_file() and 'test' not in path.relative_to(folder).parts
    }


def test_a_test_in_the_folder_of_a_training_run_keeps_to_a_subfolder(tool, mask_detector, tiny_mask_config, shapes):
    """And says which operators it uses, once."""
    before = contents(mask_detector)
    assert Path('config.py') in before
    code, out, err = tool(
        'test', tiny_mask_config, mask_detector / 'epoch_1.pth', '--data', shapes, *SMALL, '--work-dir', mask_detector
    )
    assert code == 0, err
    assert contents(mask_detector) == before
    assert {'metrics.json', 'config.py'} <= {path.name for path in (mask_detector / 'test').iterdir()}
    images = len(json.loads((shapes / 'annotations/val.json').read_text())['images'])
    assert f'metrics of {images} images written to {mask_detector / "test/metrics.json"}' in out
    (log,) = (mask_detector / 'test').glob('*/*.log')
    assert log.read_text().count(' - NMS and RoIAlign ') == 1


def test_label_maps_of_a_test_are_written(tool, segmentor, tiny_seg_config, shapes, tmp_path):
    """Under the names of the images, unless two images share one; and the log names no operators."""
    for folder in ('images', 'annotations'):
        for name in ('validation', 'training'):
            (tmp_path / folder / name).parent.mkdir(exist_ok=True)
            (tmp_path / folder / name).symlink_to(shapes / folder / name)
    (tmp_path / 'classes.txt').write_text('\n'.join(NAMES))
    arguments = [
        'test',
        tiny_seg_config,
        segmentor / 'epoch_1.pth',
        '--data',
        tmp_path,
        *SMALL,
        '--work-dir',
        tmp_path / 'out',
        '--cfg-options',
        f'test_evaluator.output_dir={tmp_path / "maps"}',
    ]
    code, out, err = tool(*arguments)
    assert code == 0, err
    assert 'RoIAlign' not in out
    assert {path.stem for path in (tmp_path / 'maps').iterdir()} == {
        path.stem for path in (shapes / 'images/validation').iterdir()
    }

    maps = tmp_path / 'annotations/validation'
    before = contents(maps)
    code, _, err = tool(*arguments[:-1], f'test_evaluator.output_dir={maps}')
    assert code == 2
    assert 'choose a folder that is no part of the data' in err
    assert contents(maps) == before

    for folder in ('images', 'annotations'):
        (tmp_path / folder / 'validation').unlink()
        for part in ('a', 'b'):
            shutil.copytree(shapes / folder / 'validation', tmp_path / folder / 'validation' / part)
    code, _, err = tool(*arguments)
    assert code == 2
    assert 'test_evaluator.output_dir' in err
    assert 'have the same name' in err


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--cfg-options', 'test_evaluator.iou_thr=0.5'], 'test_evaluator.iou_thr is not an option of CocoMetric'),
        (['--work-dir', 'FILE/run'], '--work-dir: cannot write to'),
        (['--show-dir', 'FILE/shown'], '--show-dir: cannot write to'),
    ],
)
def test_what_can_be_known_before_is_refused_before_the_data_is_read(
    tool, tiny_mask_config, tmp_path, monkeypatch, arguments, message
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'FILE').touch()
    code, _, err = tool('test', tiny_mask_config, 'none.pth', '--data', 'nowhere', *arguments)
    assert code == 2
    assert message in err
    assert 'Traceback' not in err


def test_a_segmentor_knows_its_classes(segmentor):
    assert checkpoint_classes(str(segmentor / 'epoch_1.pth')) == NAMES


def test_the_config_left_behind_runs_by_itself(segmentor, tmp_path):
    (file,) = segmentor.glob('*.py')
    assert Config.fromfile(file).custom_imports.imports == ['mmbackbones', 'mmbackbones.engine']
    assert 'mIoU' in evaluate(str(segmentor / 'epoch_1.pth'), config=str(file), work_dir=str(tmp_path))


def test_classes_keep_the_order_of_the_checkpoint(segmentor, tiny_seg_config, shapes, tmp_path):
    """The same label maps under names in another order: the same model has the same figures for them."""
    for folder in ('images', 'annotations'):
        (tmp_path / folder).symlink_to(shapes / folder)
    before = evaluate(str(segmentor / 'epoch_1.pth'), str(shapes), config=tiny_seg_config, work_dir=str(tmp_path / 'a'))
    (tmp_path / 'classes.txt').write_text('\n'.join(('circle', 'background', *NAMES[2:])))
    after = evaluate(
        str(segmentor / 'epoch_1.pth'), str(tmp_path), config=tiny_seg_config, work_dir=str(tmp_path / 'b')
    )
    assert list(after) == list(before)
    assert after['Acc_square'] == before['Acc_square']
    assert (after['Acc_circle'], after['Acc_background']) != (before['Acc_circle'], before['Acc_background'])


def test_segmentation_by_iterations(tool, tiny_seg_config, shapes, tmp_path):
    code, _, err = tool('train', tiny_seg_config, '--data', shapes, *SMALL, '--iters', 2, '--work-dir', tmp_path)
    assert code == 0, err
    assert (tmp_path / 'iter_2.pth').is_file()


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [
        (['--batch-size', '1'], 'a batch of 1 image is too small'),
        (['--batch-size', '9', '--epochs', '1'], 'one step would take 9'),
    ],
)
def test_batches_that_a_segmentor_can_not_learn_from(tool, tiny_seg_config, shapes, tmp_path, arguments, message):
    code, _, err = tool('train', tiny_seg_config, '--data', shapes, *SMALL, *arguments, '--work-dir', tmp_path)
    assert code == 2
    assert message in err.splitlines()[-1]


def without_masks(shapes, root):
    (root / 'annotations').mkdir(parents=True)
    (root / 'images').symlink_to(shapes / 'images')
    for split in ('train', 'val'):
        content = json.loads((shapes / f'annotations/{split}.json').read_text())
        for annotation in content['annotations']:
            del annotation['segmentation']
        (root / f'annotations/{split}.json').write_text(json.dumps(content))
    return root


def test_mask_rcnn_refuses_data_without_masks(tool, tiny_mask_config, shapes, tmp_path):
    root = without_masks(shapes, tmp_path / 'user')
    code, _, err = tool('train', tiny_mask_config, '--data', root, '--work-dir', tmp_path / 'run')
    assert code == 2
    for words in ('train.json', 'no annotation has a mask', 'Mask R-CNN needs', 'RetinaNet'):
        assert words in err.splitlines()[-1]


@pytest.mark.parametrize(
    ('change', 'code', 'words'),
    [
        (None, 0, ['ADE20K, 5 classes', 'UperNet', 'plain COCO, 4 classes', 'Mask R-CNN']),
        ('boxes', 0, ['ready for RetinaNet; not for Mask R-CNN']),
        ('nothing', 2, ['holds 12 images, but no annotations']),
    ],
)
def test_check_data(tool, shapes, tmp_path, change, code, words):
    root = shapes
    if change:
        root = without_masks(shapes, tmp_path / 'user')
    if change == 'nothing':
        (root / 'annotations').rename(tmp_path / 'elsewhere')
    result, out, err = tool('check-data', root)
    assert result == code
    for word in words:
        assert word in out + err


@pytest.mark.parametrize('validation', [True, False], ids=['as published', 'no validation'])
def test_with_ade20k_in_its_place_it_trains(tool, tiny_seg_config, shapes, tmp_path, monkeypatch, validation):
    """On 150 classes under MMSegmentation's own names."""
    monkeypatch.chdir(tmp_path)
    root = tmp_path / 'data/ade/ADEChallengeData2016'
    for kind in ('images', 'annotations'):
        (root / kind).mkdir(parents=True)
        for folder in ('training', 'validation')[: 1 + validation]:
            (root / kind / folder).symlink_to(shapes / kind / folder)
    header, *rows = 'Idx\tRatio\tTrain\tVal\tStuff\tName', *(f'{n}\t0\t0\t0\t0\tthing {n}, it' for n in range(1, 151))
    (root / 'objectInfo150.txt').write_text('\n'.join((header, *rows)))
    code, _, err = tool('train', tiny_seg_config, *SMALL, '--iters', 1)
    assert code == 0, err
    assert checkpoint_classes('work_dirs/tiny_seg/iter_1.pth') == ADE20KDataset.METAINFO['classes']
