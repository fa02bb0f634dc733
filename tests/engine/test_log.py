"""MMEngine's log."""

import logging
from io import StringIO

import pytest
from mmengine.evaluator import DumpResults
from mmengine.fileio import FileClient
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmbackbones import get_config
from mmbackbones.engine import log
from mmbackbones.engine.log import escape_log


def test_the_libraries_log_is_escaped():
    logger = MMLogger.get_instance('hostile')
    logger.handlers = [handler := logging.StreamHandler(StringIO())]
    escape_log()
    logger.info('class \x1b[31m of %s\n| table |', '\x9b')
    assert handler.stream.getvalue() == 'class \\x1b[31m of \\x9b\n| table |\n'


def test_what_mmengine_says_of_its_own_code_is_left_out():
    logger = MMLogger.get_instance('noisy')
    logger.handlers = [handler := logging.StreamHandler(StringIO())]
    handler.setLevel('INFO')
    escape_log()
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    sgd = dict(type='SGD', lr=0.1, weight_decay=0.1)
    build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=sgd, paramwise_cfg=dict(norm_decay_mult=0.0)))
    DumpResults('predictions.pkl')
    FileClient.infer_client(None, '/')
    logger.info('said')
    assert handler.stream.getvalue() == 'said\n'


@pytest.mark.parametrize(
    ('config', 'compiled', 'levels'),
    [('retinanet_van_t', True, ['INFO']), ('retinanet_van_t', False, ['WARNING']), ('upernet_van_t', True, [])],
)
def test_operators_of_a_detector_are_logged(config, compiled, levels, monkeypatch):
    logged = []
    monkeypatch.setattr(log, 'operators_in_use', lambda device: ('NMS is here', compiled))
    monkeypatch.setattr(
        log, 'print_log', lambda text, logger, level: logged.append((text, logging.getLevelName(level)))
    )
    log.log_operators(get_config(config))
    assert logged == [('NMS is here', level) for level in levels]
