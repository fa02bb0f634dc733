"""The config in a checkpoint is read as data."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmbackbones import get_config
from mmbackbones.weights import read_trained_config, trained_config
from mmbackbones.weights.literals import NotDataError, read_assignments, read_literals


@pytest.mark.parametrize('name', ['upernet_hatnet_s', 'retinanet_sasa_r26'])
def test_what_mmengine_writes(name):
    cfg = get_config(name)
    read = trained_config(dict(meta=dict(cfg=cfg.pretty_text)))
    assert read['model'] == cfg.model.to_dict()
    assert read['train_dataloader'] == cfg.train_dataloader.to_dict()
    assert read_trained_config(dict(meta=dict(cfg=cfg.pretty_text)), 'a.pth') == cfg.to_dict() == read


def test_every_form_that_mmengine_writes():
    values = dict(
        keys={'1x': 2, 3: (1,), 'b-c': [1, {'x y': -1.5e-7}], 'é': {}},
        dicts=[{'a/b': 1}, {}, [], ()],
        numbers=[float('inf'), -float('inf'), 1e-05, -3, 10**15, True, False, None],
        words=['it\'s "both"', 'line\nbreak', '\\', 'x' * 300, '\ud800', '☃', ''],
        _delete_=True,
    )
    assert read_assignments(Config(values).pretty_text) == values


@pytest.mark.parametrize(
    ('text', 'line', 'found'),
    [
        ('a = 1\nb = [\n    1,\n    f(2),\n]', 4, 'f(2),'),
        ('a = 1\nb = (\n', 2, 'b = ('),
        ('a = 1\n  b = 2', 2, 'b = 2'),
        ('a = 1\n\nimport os  # why', 3, 'import os  # why'),
        ("a = '" + 'x' * 99 + "' + 1", 1, '+ 1'),
        ('a = ' + 'b' * 99, 1, 'b' * 60 + '...'),
    ],
)
def test_what_is_no_data_is_quoted(text, line, found):
    with pytest.raises(NotDataError) as error:
        read_assignments(text)
    assert (error.value.line, error.value.found) == (line, found)


@pytest.mark.parametrize(
    ('text', 'values'),
    [
        ('a = 1', dict(a=1)),
        (
            "a = dict(b=(1, -2.5e3), c=[None, True, 'x' 'y'], d={'k': (), 2: ((3))})  # words\nb = ''",
            dict(a=dict(b=(1, -2500.0), c=[None, True, 'xy'], d={'k': (), 2: 3}), b=''),
        ),
        ("a = '''two\nlines'''\n", dict(a='two\nlines')),
        ('if True:\n    a = 1\n', dict(a=1)),
        ("a = open('PWNED', 'w')\nb = 1", dict(b=1)),
        ("a = [1, __import__('os').system('touch PWNED')]\nb = 1", dict(b=1)),
        ("import os; os.system('touch PWNED')\nb = 1", dict(b=1)),
        ("a = dict(**open('PWNED', 'w'))\nb = 1", dict(b=1)),
        ('a = f\'{open("PWNED", "w")}\'\nb = 1', dict(b=1)),
        ('a = 1 + 1\nb = 1', dict(b=1)),
        ('a = 2 ** 10 ** 10\nb = 1', dict(b=1)),
        ("a = 'x' * 10**10\nb = 1", dict(b=1)),
        ('a = (1 for x in y)\nb = 1', dict(b=1)),
        ("a = b'x'\nb = 1j", {}),
        ('a = {[]: 1}\nb = 1', dict(b=1)),
        ('a = ' + '9' * 5000 + '\nb = 1', dict(b=1)),
        ('a = "', {}),
        ('a = (\nb = 1', {}),
        ('a = )\n', {}),
        ('\0\ud800', {}),
        ('a = ' + '[' * 10_000, {}),
        ('a = ' + '[' * 60 + ']' * 60 + '\nb = 1', dict(b=1)),
        ('a = ' + '-' * 50_000 + '1\nb = 1', dict(b=1)),
        ('a = b' + '.c' * 50_000 + '\nb = 1', dict(b=1)),
    ],
)
def test_nothing_but_literals(text, values, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert read_literals(text) == values
    assert not Path('PWNED').exists()


@pytest.mark.parametrize(
    'checkpoint',
    [
        None,
        [],
        {},
        dict(meta=None),
        dict(meta=[1]),
        dict(meta=dict(cfg=b'a = 1')),
        dict(meta=dict(cfg='a = 1\n' * 400_000)),
    ],
)
def test_no_config(checkpoint):
    assert trained_config(checkpoint) == {}
