"""Values of ``--cfg-options``, as a shell hands them over."""

from argparse import ArgumentParser

import pytest

from mmbackbones.cli import CfgOptions


def parse(*options):
    parser = ArgumentParser()
    parser.add_argument('--cfg-options', nargs='+', action=CfgOptions)
    return parser.parse_args(['--cfg-options', *options]).cfg_options


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
def test_values(text, value):
    found = parse(f'key={text}')['key']
    assert (found, type(found)) == (value, type(value))


def test_several():
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
def test_what_cannot_be_read(text, capsys):
    with pytest.raises(SystemExit) as stop:
        parse(f'key={text}')
    assert stop.value.code == 2
    assert 'the value cannot be read; lists are written [a,b]' in capsys.readouterr().err


@pytest.mark.parametrize(('name', 'arguments'), [('check_data', ['x' * 300]), ('get_flops', ['x' * 300])])
def test_names_that_no_file_can_have(name, arguments, tool):
    code, _, err = tool(name, *arguments)
    assert code == 2
    assert len(err.splitlines()) == 1
    assert err.endswith(': File name too long\n')


def test_a_current_folder_that_is_gone(tool, tmp_path, monkeypatch):
    (tmp_path / 'gone').mkdir()
    monkeypatch.chdir(tmp_path / 'gone')
    (tmp_path / 'gone').rmdir()
    try:
        code, _, err = tool('check_data', '.')
    finally:
        monkeypatch.chdir(tmp_path)
    assert (code, err) == (2, 'error: the current folder does not exist any more: change to another one\n')
