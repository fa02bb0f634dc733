"""The log of a run: what goes to its file, and what to the screen."""

import logging
import warnings

import pytest
from mmengine.evaluator import DumpResults
from mmengine.fileio import FileClient
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from torch import nn

from mmbackbones import get_config
from mmbackbones.engine import log
from mmbackbones.engine.log import begin_log, continue_log, log_operators, logging_prints, logging_warnings
from mmbackbones.utils.messages import tell


@pytest.fixture
def run(tmp_path, request, capsys):
    """The logger of a run, as a runner builds it, and its file."""
    begin_log()
    tell('before there is a file')
    file = tmp_path / 'run.log'
    logger = MMLogger.get_instance(request.node.name, log_file=str(file))
    continue_log(logger)
    return logger, file


def lines(file):
    return [line.split(' - ', 2)[2] for line in file.read_text().splitlines()]


def test_a_file_that_cannot_be_written_is_told_of_once(run, capsys, monkeypatch):
    """Python would print a traceback for each line."""

    def full(text):
        raise OSError(28, 'No space left on device')

    logger, file = run
    (handler,) = [handler for handler in logger.handlers if isinstance(handler, logging.FileHandler)]
    monkeypatch.setattr(handler.stream, 'write', full)
    logger.info('one')
    logger.info('two')
    out, err = capsys.readouterr()
    assert out == f'before there is a file\nwarning: the log {file} is incomplete: No space left on device\n'
    assert err == ''


def test_the_screen_shows_what_is_for_users(run, capsys):
    logger, file = run
    logger.info('of a library')
    logger.warning('also of a library')
    logger.error('something broke')
    tell('for users')
    tell('look out', logging.WARNING)
    assert capsys.readouterr().out.splitlines() == [
        'before there is a file',
        'error: something broke',
        'for users',
        'warning: look out',
    ]
    assert [line.rpartition(' - ')[2] for line in lines(file)] == [
        'before there is a file',
        'of a library',
        'also of a library',
        'something broke',
        'for users',
        'look out',
    ]


def test_the_log_is_escaped(run, capsys):
    logger, file = run
    logger.info('class \x1b[31m of %s\n| table |', '\x9b')
    tell('folder \x1b[31m')
    assert file.read_text().split('class ')[1].startswith('\\x1b[31m of \\x9b\n| table |\n')
    assert capsys.readouterr().out.splitlines()[-1] == 'folder \\x1b[31m'


def test_what_mmengine_says_of_its_own_code_is_left_out(run):
    _, file = run
    model = nn.Sequential(nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4))
    sgd = dict(type='SGD', lr=0.1, weight_decay=0.1)
    build_optim_wrapper(model, dict(type='OptimWrapper', optimizer=sgd, paramwise_cfg=dict(norm_decay_mult=0.0)))
    DumpResults('predictions.pkl')
    FileClient.infer_client(None, '/')
    assert lines(file) == ['INFO - before there is a file']


def test_prints_of_libraries_go_to_the_file(run, capsys):
    _, file = run
    with logging_prints():
        print('creating index...', end='')
        tell('for users')
        print(' done\n\n')
    assert capsys.readouterr().out.splitlines() == ['before there is a file', 'for users']
    assert lines(file)[1:] == ['INFO - for users', 'INFO - creating index... done']


def test_warnings_of_libraries_go_to_the_file(run):
    _, file = run
    with warnings.catch_warnings(record=True) as shown, logging_warnings():
        warnings.simplefilter('always')
        warnings.warn_explicit('of a call', UserWarning, '/lib/mmengine/runner/runner.py', 1)
        warnings.warn_explicit('is old', FutureWarning, '/lib/torch/amp.py', 1)
        warnings.warn_explicit('no driver', UserWarning, '/lib/torch/cuda.py', 1)
        warnings.warn_explicit('mine', UserWarning, 'my_hooks.py', 1)
    assert [str(warning.message) for warning in shown] == ['no driver', 'mine']
    assert lines(file)[1:] == [
        'WARNING - /lib/mmengine/runner/runner.py: UserWarning: of a call',
        'WARNING - /lib/torch/amp.py: FutureWarning: is old',
    ]
    assert warnings.showwarning.__module__ != log.__name__


def test_a_second_run_does_not_write_to_the_file_of_the_first(run):
    _, file = run
    before = file.read_text()
    begin_log()
    tell('another run')
    assert file.read_text() == before


@pytest.mark.parametrize(
    ('config', 'device', 'compiled', 'shown'),
    [
        ('retinanet_van_t', 'cuda', True, ''),
        ('retinanet_van_t', 'cuda', False, 'warning: NMS is here\n'),
        ('retinanet_van_t', 'cpu', False, ''),
        ('upernet_van_t', 'cuda', False, ''),
    ],
)
def test_operators_of_a_detector_are_told_of_if_they_are_slow(config, device, compiled, shown, monkeypatch, capsys):
    monkeypatch.setattr(log, 'operators_in_use', lambda device: ('NMS is here', compiled))
    monkeypatch.setattr(log, 'get_device', lambda: device)
    begin_log()
    log_operators(get_config(config))
    assert capsys.readouterr().out == shown
