"""Options of metrics are read as the libraries read them, or refused."""

import pytest
from mmengine.config import ConfigDict

from mmbackbones.errors import UserError
from mmbackbones.evaluation.metric_options import (
    check_choice,
    check_coco_options,
    check_iou_options,
    detection_counts,
    statistics,
    strings,
)


def test_strings():
    assert strings('bbox') == ['bbox']
    assert strings(('bbox', 'segm')) == ['bbox', 'segm']


def test_statistics_are_named_after_the_numbers_of_detections():
    names = statistics([1, 2, 100])
    assert names[:6] == ['mAP', 'mAP_50', 'mAP_75', 'mAP_s', 'mAP_m', 'mAP_l']
    assert names[6:] == ['AR@1', 'AR@2', 'AR@100', 'AR_s@100', 'AR_m@100', 'AR_l@100']


@pytest.mark.parametrize(
    ('given', 'items', 'counts'),
    [
        (None, None, [1, 10, 100]),
        (None, ['mAP', 'AR@10'], [1, 10, 100]),
        (None, ['mAP', 'AR@1000'], [100, 300, 1000]),
        ([100, 2, 7], ['AR@1000'], [2, 7, 100]),
    ],
)
def test_detection_counts(given, items, counts):
    assert detection_counts(given, items) == counts


@pytest.mark.parametrize('value', ['bbox', ['bbox', 'segm'], None])
def test_choices(value):
    evaluator = ConfigDict() if value is None else ConfigDict(metric=value)
    assert check_choice(evaluator, 'test_evaluator', 'metric', ('bbox', 'segm')) is None
    assert evaluator.get('metric') == value


def test_another_choice():
    message = r"^test_evaluator\.metric must be one or several of bbox, segm; got 'boxes'$"
    with pytest.raises(UserError, match=message):
        check_choice(ConfigDict(metric=['bbox', 'boxes']), 'test_evaluator', 'metric', ('bbox', 'segm'))


@pytest.mark.parametrize('check', [check_coco_options, check_iou_options])
def test_options_that_do_not_exist_are_refused_with_those_that_do(check):
    with pytest.raises(
        UserError, match=r'^val_evaluator\.self is not an option of .*Metric; it has .*, classwise$'
    ) as error:
        check(ConfigDict(type='x', self=1), 'val_evaluator')
    assert 'kwargs' not in str(error.value)


@pytest.mark.parametrize(
    ('check', 'key', 'value'),
    [
        (check_coco_options, 'iou_thrs', [0.5, 0.75]),
        (check_coco_options, 'proposal_nums', (1, 10, 100)),
        (check_coco_options, 'metric_items', ['mAP', 'AR@1000']),
        (check_coco_options, 'outfile_prefix', 'out/found'),
        (check_iou_options, 'nan_to_num', -1),
        (check_iou_options, 'beta', 1),
        (check_iou_options, 'output_dir', 'out'),
    ],
)
def test_options_that_are_honored(check, key, value, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    check(ConfigDict({'type': 'x', key: value}), 'val_evaluator')
    assert (tmp_path / 'out').is_dir() == str(value).startswith('out')
