"""Evaluators of a config are replaced by exact ones, and what these cannot honor is refused."""

import pytest
from mmengine.config import Config

from mmbackbones import config_path, get_config
from mmbackbones.engine.config import load_config
from mmbackbones.engine.dataset_config import apply_dataset
from mmbackbones.engine.metric_config import check_output_names, use_exact_metrics
from mmbackbones.errors import UserError


@pytest.mark.parametrize(
    ('name', 'kind'), [('mask_rcnn_van_t', 'ExactCocoMetric'), ('upernet_van_t', 'ExactIoUMetric')]
)
def test_metrics_of_a_config_are_replaced(name, kind):
    cfg = load_config(str(config_path(name)), None, None)
    use_exact_metrics(cfg)
    assert cfg.val_evaluator.type == cfg.test_evaluator.type == kind
    assert (cfg.val_evaluator.classwise, cfg.test_evaluator.classwise) == (False, True)


def test_another_metric_stays():
    cfg = get_config('retinanet_van_t')
    cfg.val_evaluator = cfg.test_evaluator = dict(type='VOCMetric')
    use_exact_metrics(cfg)
    assert cfg.val_evaluator == dict(type='VOCMetric')


def replaced(kind, **options):
    """The evaluator of a test after the replacement."""
    given = dict(metric='bbox') if kind == 'CocoMetric' else dict(iou_metrics=['mIoU'])
    cfg = Config(dict(val_evaluator=dict(type=kind, **given), test_evaluator=dict(type=kind, **given | options)))
    use_exact_metrics(cfg)
    return cfg.test_evaluator


@pytest.mark.parametrize(
    ('kind', 'options', 'words'),
    [
        ('CocoMetric', dict(iou_thr=0.5), ['test_evaluator.iou_thr ', 'not an option of CocoMetric', 'iou_thrs']),
        ('CocoMetric', dict(iou_thrs='half'), ['test_evaluator.iou_thrs', "'half'"]),
        ('CocoMetric', dict(iou_thrs=[]), ['test_evaluator.iou_thrs', '[]']),
        ('CocoMetric', dict(iou_thrs=[50, 75]), ['test_evaluator.iou_thrs', '[50, 75]']),
        ('CocoMetric', dict(proposal_nums=[1, 10]), ['test_evaluator.proposal_nums', 'three', '[1, 10]']),
        ('CocoMetric', dict(proposal_nums=[1, 10, 50]), ['test_evaluator.proposal_nums', '100', '[1, 10, 50]']),
        ('CocoMetric', dict(metric_items=['mAP', 'AR@5']), ['test_evaluator.metric_items', "'AR@5'", 'mAP_50']),
        ('CocoMetric', dict(metric_items='mAP'), ['test_evaluator.metric_items', 'a list', "'mAP'"]),
        ('CocoMetric', dict(format_only=True), ['test_evaluator.format_only', 'test_evaluator.outfile_prefix']),
        ('CocoMetric', dict(outfile_prefix='FILE/x'), ['test_evaluator.outfile_prefix', 'cannot write']),
        ('CocoMetric', dict(sort_categories=True), ['test_evaluator.sort_categories', 'Objects365V1Dataset']),
        ('CocoMetric', dict(file_client_args=dict(backend='disk')), ['test_evaluator.file_client_args']),
        ('CocoMetric', dict(collect_device='cuda'), ['test_evaluator.collect_device', "'cuda'"]),
        ('CocoMetric', dict(metric='boxes'), ['test_evaluator.metric', "'boxes'", 'bbox, segm']),
        ('IoUMetric', dict(nan_to_nums=0), ['test_evaluator.nan_to_nums ', 'not an option of IoUMetric', 'nan_to_num']),
        ('IoUMetric', dict(nan_to_num='x'), ['test_evaluator.nan_to_num', "'x'"]),
        ('IoUMetric', dict(beta=2), ['test_evaluator.beta', 'mFscore']),
        ('IoUMetric', dict(format_only=True), ['test_evaluator.format_only', 'test_evaluator.output_dir']),
        ('IoUMetric', dict(output_dir='FILE/x'), ['test_evaluator.output_dir', 'cannot write']),
        ('IoUMetric', dict(iou_metrics=['mIOU']), ['test_evaluator.iou_metrics', "'mIOU'", 'mDice']),
    ],
    ids=str,
)
def test_option_that_cannot_be_honored(tmp_path, monkeypatch, kind, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'FILE').touch()
    with pytest.raises(UserError) as error:
        replaced(kind, **options)
    for word in words:
        assert word in str(error.value)


@pytest.mark.parametrize(
    ('kind', 'options'),
    [
        (
            'CocoMetric',
            dict(
                classwise=False,
                iou_thrs=[0.5],
                proposal_nums=(1, 10, 100),
                metric_items=['mAP'],
                backend_args=None,
                collect_device='gpu',
                prefix='mine',
                use_mp_eval=True,
            ),
        ),
        ('IoUMetric', dict(classwise=False, nan_to_num=0, ignore_index=9, prefix='mine', collect_device='gpu')),
    ],
)
def test_honored_options_reach_the_metric(kind, options):
    evaluator = replaced(kind, **options)
    assert evaluator.type == {'CocoMetric': 'ExactCocoMetric', 'IoUMetric': 'ExactIoUMetric'}[kind]
    assert {key: evaluator[key] for key in options} == options


@pytest.mark.parametrize('metric', [['mIoU', 'mFscore'], 'mDice'])
def test_other_figures_are_left_to_the_library(metric):
    assert replaced('IoUMetric', iou_metrics=metric).type == 'IoUMetric'
    assert replaced('CocoMetric', metric='proposal_fast').type == 'CocoMetric'


def test_several_evaluators():
    evaluators = [dict(type='mmdet.CocoMetric'), dict(type='DumpResults')]
    cfg = Config(dict(val_evaluator=evaluators, test_evaluator=evaluators))
    use_exact_metrics(cfg)
    assert [evaluator.type for evaluator in cfg.val_evaluator] == ['ExactCocoMetric', 'DumpResults']


def test_several_evaluators_get_the_users_annotations(tiny_config, shapes, tmp_path):
    cfg = load_config(tiny_config, str(tmp_path), None)
    cfg.test_evaluator = [dict(type='CocoMetric'), dict(type='DumpResults', out_file_path='x.pkl')]
    use_exact_metrics(cfg)
    apply_dataset(cfg, shapes, builtin_dataset=False, splits=('val',))
    first, second = cfg.test_evaluator
    assert first.ann_file == str(shapes / 'annotations/val.json')
    assert 'ann_file' not in second


class Images(list):
    """A data set of image files."""

    def get_data_info(self, index):
        return dict(img_path=self[index], seg_map_path=self[index].replace('images', 'labels'))


@pytest.mark.parametrize(
    ('files', 'message'),
    [
        (['images/a/1.jpg', 'images/b/1.jpg'], 'two images have the same name: images/a/1.jpg and images/b/1.jpg'),
        (['out/1.jpg'], "output_dir='out' holds out/1.jpg"),
        (['images/1.jpg'], None),
    ],
)
@pytest.mark.parametrize('kind', ['ExactIoUMetric', 'FullIoUMetric', 'DumpResults'])
def test_check_output_names(files, message, kind):
    cfg = Config(dict(test_evaluator=dict(type=kind, output_dir='out')))
    if message and kind != 'DumpResults':
        with pytest.raises(UserError, match=message):
            check_output_names(cfg, Images(files))
    else:
        check_output_names(cfg, Images(files))
        assert cfg.test_evaluator.output_dir == 'out'
