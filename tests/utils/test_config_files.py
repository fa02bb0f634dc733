"""Configs are found by name and read with one sentence for what is wrong."""

from pathlib import Path

import pytest
from mmengine.config import Config

from mmbackbones.errors import UserError
from mmbackbones.utils.config_files import config_name, config_names, config_path, metadata_folder, read_config


def test_configs_are_found_by_name():
    path = config_path('retinanet_van_t')
    assert path == metadata_folder() / 'configs/retinanet_van_t.py'
    assert config_path('retinanet_van_t.py') == path
    assert (metadata_folder() / 'model-index.yml').is_file()
    assert read_config('retinanet_van_t').model.backbone.type == 'VAN'
    assert {'retinanet_van_t', 'upernet_sasa_r50'} <= set(config_names())


@pytest.mark.parametrize(
    ('name', 'close'), [('retinanet_van_tiny', 'retinanet_van_t'), ('unpernet_van_b', 'upernet_van_b'), ('', '_van_b')]
)
def test_an_unknown_name(name, close):
    with pytest.raises(UserError, match=rf"there is no config '{name}': .*, such as .*{close}"):
        config_path(name)


def test_read_config(tmp_path, monkeypatch):
    (tmp_path / 'a.py').write_text('lr = 0.1\n')
    assert read_config(tmp_path / 'a.py').lr == 0.1
    monkeypatch.chdir(tmp_path)
    assert read_config('retinanet_van_t.py').model.backbone.type == 'VAN'
    Path('retinanet_van_t.py').write_text('lr = 0.2\n')  # a file here, and not the config of that name
    assert read_config('retinanet_van_t.py').lr == 0.2
    with pytest.raises(UserError, match=r'upernet_van_b.py does not exist; the one .* is called upernet_van_b'):
        read_config('configs/upernet_van_b.py')


def test_a_config_is_copied():
    cfg = Config(dict(model=dict(type='A')))
    read = read_config(cfg)
    read.model.type = 'B'
    assert (cfg.model.type, config_name(cfg)) == ('A', 'config')


def test_names_of_configs(tmp_path):
    (tmp_path / 'a.py').write_text('lr = 0.1\n')
    assert [config_name(config) for config in ('x/a.py', Path('a.py'), 'a', read_config(tmp_path / 'a.py'))] == [
        'a'
    ] * 4


def test_a_copied_config_is_called_like_its_work_directory(tmp_path):
    copy = tmp_path / 'retinanet_mine' / 'config.py'
    copy.parent.mkdir()
    copy.write_text('lr = 0.1\n')
    assert [config_name(config) for config in (copy, read_config(copy))] == ['retinanet_mine'] * 2


@pytest.mark.parametrize(
    ('name', 'content', 'message'),
    [
        ('missing.py', None, 'does not exist'),
        ('.', None, 'is not a file'),
        ('a.py', '1 / 0', r'cannot be read: .*\(ZeroDivisionError\)'),
        ('a.py', 'raise KeyError', r'cannot be read: .*\(KeyError\)'),
        ('a.py', 'a = (', r'cannot be read: .*\(\w+Error\)'),
        ('a.txt', 'text', r'cannot be read: .*'),
    ],
)
def test_what_is_no_config(name, content, message, tmp_path):
    if content is not None:
        (tmp_path / name).write_text(content)
    with pytest.raises(UserError, match=message) as caught:
        read_config(tmp_path / name)
    assert '\n' not in str(caught.value)
