"""The command line: types of options, values of ``--cfg-options``, and exit codes."""

import os
import re
import signal
import subprocess
import sys
import warnings
from argparse import ArgumentParser, ArgumentTypeError
from importlib import import_module

import pytest
from mmengine.config import Config

import mmbackbones
from mmbackbones.cli import VERBS, exits, options
from mmbackbones.cli.exits import print_error, run
from mmbackbones.cli.options import CfgOptions
from mmbackbones.errors import RunFailed, Terminated, UserError
from mmbackbones.utils.command import is_command
from mmbackbones.utils.config_files import config_names
from tests.helpers.formatting import replace_formatting
from tests.helpers.tiny_configs import ROOT


def parse(*given):
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    return parser.parse_args(['--cfg-options', *given]).cfg_options


@pytest.mark.parametrize(
    ('text', 'value'),
    [
        ('1', 1),
        ('1.0', 1.0),
        ('1e-6', 1e-6),
        ('-1', -1),
        ('true', True),
        ('False', False),
        ('None', None),
        ('', ''),
        ('word', 'word'),
        ('"word"', 'word'),
        ("'two words'", 'two words'),
        ('"1"', 1),
        ('a/b=c', 'a/b=c'),
        ('/my runs/1', '/my runs/1'),
        ("'/a,b'", '/a,b'),
        ('ep_{}.pth', 'ep_{}.pth'),
        ('1,2', [1, 2]),
        ('[1,2]', [1, 2]),
        ('[1, 2]', [1, 2]),
        ('"[1,2]"', [1, 2]),
        ('(1,2)', (1, 2)),
        ('[]', []),
        ('a,b', ['a', 'b']),
        ('[a, b]', ['a', 'b']),
        ('[coco/a,coco/b]', ['coco/a', 'coco/b']),
        ("['a b']", ['a b']),
        ('[(1,2),(-3,4.5)]', [(1, 2), (-3, 4.5)]),
        ('[true,False,None]', [True, False, None]),
        ("dict(type='A', b=dict(c=[1]))", dict(type='A', b=dict(c=[1]))),
        ('dict()', {}),
        ('{}', {}),
        ("{'type': 'A', 'b': (1, 2)}", dict(type='A', b=(1, 2))),
        ("[dict(type='A')]", [dict(type='A')]),
        ('[dict(type=A)]', [dict(type='A')]),  # without quotes: the shell took them
    ],
)
def test_value(text, value):
    found = parse(f'key={text}')['key']
    assert (found, type(found)) == (value, type(value))


def test_several_options():
    assert parse('a.b=1', 'c=2', 'a.b=3') == {'a.b': 3, 'c': 2}


@pytest.mark.parametrize(
    'text',
    [
        '[1,2',
        '(1,[2)',
        "[dict(type='A']",
        'dict(1)',
        'dict(**a)',
        "{'a': open('b')}",
        "[dict(type='A'), len('b')]",
        '[' * 10000,
    ],
)
def test_unreadable_value(text, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(f'key={text}')
    assert stop.value.code == 2
    assert 'the value cannot be read; lists are written [a,b]' in capsys.readouterr().err


@pytest.mark.parametrize(('name', 'arguments'), [('check-data', ['x' * 300]), ('flops', ['x' * 300])])
def test_file_name_too_long(name, arguments, tool):
    code, _, err = tool(name, *arguments)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert err.endswith(': File name too long\n')


@pytest.mark.parametrize('command', [('test', 'model.pth'), ('predict', 'model.pth', 'photos')])
def test_an_overlap_of_no_tiles(command, tool):
    code, _, errors = tool(*command, '--overlap', '0.5')
    assert (code, errors) == (2, 'error: --overlap 0.5 says how tiles overlap: give their size with --tile W H\n')


def test_current_folder_is_gone(tool, tmp_path, monkeypatch):
    (tmp_path / 'gone').mkdir()
    monkeypatch.chdir(tmp_path / 'gone')
    (tmp_path / 'gone').rmdir()
    try:
        code, _, err = tool('check-data', '.')
    finally:
        monkeypatch.chdir(tmp_path)
    assert (code, err) == (2, 'error: the current folder no longer exists: change to another one\n')


@pytest.mark.parametrize(
    ('kind', 'right', 'wrong', 'message'),
    [
        (options.non_negative_int, {'0': 0, '12': 12}, ['-1', '1.5', '', 'x'], 'a whole number of at least 0'),
        (options.positive_int, {'1': 1, '12': 12}, ['0', '-1', '1.5', '', 'x'], 'a whole number of at least 1'),
        (options.positive_float, {'1': 1.0, '1e-4': 1e-4}, ['0', '-1', 'inf', 'nan', '', 'x'], 'a number above 0'),
    ],
)
def test_argument_types(kind, right, wrong, message):
    for text, value in right.items():
        assert (kind(text), type(kind(text))) == (value, type(value))
    for text in wrong:
        with pytest.raises(ArgumentTypeError, match=f'must be {message}, got {text!r}'):
            kind(text)


def test_shared_options(capsys):
    parser = ArgumentParser()
    options.add_data_options(parser)
    options.add_label_options(parser, default='as in training')
    options.add_run_options(parser)
    assert vars(parser.parse_args([])) == dict(
        data=None, img_scale=None, background=None, ignore_label=None, launcher='none', cfg_options=None
    )
    given = ['--data', 'd', '--img-scale', '64', '32', '--background', 'class', '--ignore-label', '0']
    given = parser.parse_args([*given, '--launcher', 'slurm', '--cfg-options', 'a=1'])
    assert vars(given) == dict(
        data='d', img_scale=[64, 32], background='class', ignore_label=0, launcher='slurm', cfg_options={'a': 1}
    )
    assert ' '.join(parser.format_help().split()).count('(default: as in training)') == 2
    for wrong in ('--launcher ssh', '--background void', '--ignore-label -1', '--img-scale 64 0'):
        with pytest.raises(SystemExit) as stop:
            parser.parse_args(wrong.split())
        assert stop.value.code == 2
    plain = ArgumentParser()
    options.add_label_options(plain)
    assert 'default' not in plain.format_help()


def raise_it(error):
    raise error


@pytest.mark.parametrize(
    ('error', 'code', 'said'),
    [
        (UserError('no such\x1b file'), 2, 'error: no such\\x1b file\n'),
        (RunFailed('the loss is nan'), 1, 'error: the loss is nan\n'),
        (KeyboardInterrupt(), 130, '\nstopped\n'),
        (OSError(28, 'No space left on device', '/full/1.pth'), 1, 'error: /full/1.pth: No space left on device\n'),
        (Terminated(143), 143, 'stopped by SIGTERM\n'),
        (Terminated(0), 0, ''),  # a training run that was saved
        (KeyboardInterrupt('saved'), 130, ''),
        (OSError(36, 'File name too long', 'xxx'), 2, 'error: xxx: File name too long\n'),
        (
            PermissionError(
                'Caught PermissionError in DataLoader worker process 0.\nTraceback:\n  x\ncannot read a.jpg'
            ),
            1,
            'error: cannot read a.jpg\n',
        ),
    ],
    ids=lambda value: type(value).__name__,
)
def test_run_ends_with_a_sentence_and_a_code(error, code, said, capsys):
    with pytest.raises(SystemExit) as stop:
        run(lambda: raise_it(error))
    assert (stop.value.code, capsys.readouterr().err) == (code, said)


def test_a_full_disk_is_no_mistake_in_a_command(capsys):
    for cause, code in ((OSError(28, 'No space left on device'), 1), (PermissionError(13, 'Permission denied'), 2)):
        error = UserError('cannot write the predictions')
        error.__cause__ = cause
        with pytest.raises(SystemExit) as stop:
            run(lambda error=error: raise_it(error))
        assert (stop.value.code, capsys.readouterr().err) == (code, 'error: cannot write the predictions\n')


def test_ctrl_c_while_python_cleans_up_ends_without_a_traceback(monkeypatch):
    at_exit = []
    monkeypatch.setattr(exits.atexit, 'register', at_exit.append)
    before = signal.getsignal(signal.SIGINT)
    try:
        for handler, then in ((signal.default_int_handler, signal.SIG_DFL), (signal.SIG_IGN, signal.SIG_IGN)):
            signal.signal(signal.SIGINT, handler)
            run(lambda: None)
            at_exit.pop()()
            assert signal.getsignal(signal.SIGINT) is then
    finally:
        signal.signal(signal.SIGINT, before)


def test_a_bug_keeps_its_traceback():
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 / 0)


def test_ctrl_c_that_became_another_error(monkeypatch):
    """MMEngine makes a SyntaxError of whatever ends yapf's work, and puts the whole config into it."""

    def interrupted():
        replace_formatting(monkeypatch, lambda *_, **__: raise_it(KeyboardInterrupt()))
        return Config(dict(a=1)).pretty_text

    with pytest.raises(SystemExit) as stop:
        run(interrupted)
    assert stop.value.code == 130


def test_known_warnings_of_libraries_are_not_shown():
    said = ('pkg_resources is deprecated as an API.', 'Default ``avg_non_ignore`` is False, if', 'look at this')
    with warnings.catch_warnings(record=True) as shown:
        warnings.simplefilter('always')
        run(lambda: [warnings.warn(text, stacklevel=1) for text in said])
    assert [str(warning.message) for warning in shown] == ['look at this']


def test_an_error_of_all_processes_is_printed_by_the_first(monkeypatch, capsys):
    monkeypatch.setattr(exits, '_GRACE_PERIOD', 0)
    for rank in ('0', '1'):
        monkeypatch.setenv('RANK', rank)
        print_error('of all', on_all_processes=True)
        print_error('of this one')
    assert capsys.readouterr().err.splitlines() == ['error: of all', 'error: of this one', 'error: of this one']


def test_the_list_of_verbs(tool):
    for arguments in ([], ['--help'], ['-h']):
        code, out, err = tool(*arguments)
        assert (code, err) == (0, '')
        assert all(f'\n  {verb} ' in out and import_module(f'mmbackbones.cli.{module(verb)}') for verb in VERBS)
    assert tool('--version') == (0, f'mmbackbones {mmbackbones.__version__}\n', '')


def module(verb):
    return verb.replace('-', '_')


def test_every_verb_has_a_tool():
    names = {'flops': 'get_flops'}
    assert {path.stem for path in (ROOT / 'tools').glob('*.py')} == {names.get(verb, module(verb)) for verb in VERBS}


@pytest.mark.parametrize(('verb', 'hint'), [('chekc-data', '; did you mean check-data?'), ('xyz', ''), ('', '')])
def test_an_unknown_verb(tool, verb, hint):
    code, _, err = tool(verb)
    assert code == 2
    assert err == f"error: there is no verb '{verb}': give one of {', '.join(VERBS)}{hint}\n"


def test_a_config_may_be_left_out_wherever_options_stand():
    parser = ArgumentParser()
    options.add_config(parser, optional=True, default='the one in it')
    parser.add_argument('checkpoint')
    options.add_data_options(parser)
    for given in (['a.py', 'b.pth', '--data', 'd'], ['a.py', '--data', 'd', 'b.pth'], ['--data', 'd', 'a.py', 'b.pth']):
        found = parser.parse_intermixed_args(given)
        assert (found.config, found.checkpoint, found.data) == ('a.py', 'b.pth', 'd')
    found = parser.parse_intermixed_args(['b.pth', '--data', 'd'])
    assert (found.config, found.checkpoint) == (None, 'b.pth')
    said = parser.format_help()
    assert '(default: the one in it)' in said
    for name in config_names():
        assert any(re.search(rf'\b{name[at:]}\b', said) for at in range(len(name))), name


@pytest.mark.parametrize(
    ('argv', 'expected'),
    [
        (['/env/bin/mmbackbones', 'train'], True),
        (['C:/env/Scripts/mmbackbones.exe'], True),
        ([str(ROOT / 'tools/train.py')], True),
        (['/other/tools/train.py'], False),
        (['-c'], False),
        ([''], False),
        ([], False),
        (['/env/bin/pytest'], False),
    ],
)
def test_what_is_the_command(argv, expected, monkeypatch):
    monkeypatch.setattr(sys, 'argv', argv)
    assert is_command() is expected
    monkeypatch.setattr('mmbackbones.utils.command.parent_process', lambda: 'the process that loads data for it')
    assert not is_command()


@pytest.mark.parametrize(
    ('command', 'expected'),
    [
        ('-m mmbackbones a b', True),
        ('-mmmbackbones a b', True),
        ('-W ignore -m mmbackbones -m pytest', True),
        ('-m pytest -m mmbackbones', False),
    ],
)
def test_python_m(command, expected, monkeypatch):
    monkeypatch.setattr(sys, 'argv', ['-m', *command.split()[-2:]])
    monkeypatch.setattr(sys, 'orig_argv', ['python', *command.split()])
    assert is_command() is expected


@pytest.mark.skipif(os.name == 'nt', reason='Windows has no forkserver')
@pytest.mark.parametrize('method', ['spawn', 'forkserver'])
def test_a_worker_of_the_command_is_not_the_command(method, tmp_path):
    """Not even while it imports the command's own file, before it knows its parent."""
    command = tmp_path / 'mmbackbones'
    command.write_text(f"""
from importlib.util import module_from_spec, spec_from_file_location
from multiprocessing import get_context

spec = spec_from_file_location('command', {str(ROOT / 'mmbackbones/utils/command.py')!r})
module = module_from_spec(spec)
spec.loader.exec_module(module)
FOUND = module.is_command()


def found():
    return FOUND


if __name__ == '__main__':
    with get_context({method!r}).Pool(1) as pool:
        print(FOUND, pool.apply(found))
""")
    done = subprocess.run([sys.executable, command], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.split() == ['True', 'False']
