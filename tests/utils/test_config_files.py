"""Configs are found by name and read with one sentence for what is wrong."""

import pytest

from mmbackbones.errors import UserError
from mmbackbones.utils.config_files import config_path, get_config, metadata_folder, read_config


def test_configs_are_found_by_name():
    path = config_path('retinanet_van_t')
    assert path == metadata_folder() / 'configs/retinanet_van_t.py'
    assert config_path('retinanet_van_t.py') == path
    assert (metadata_folder() / 'model-index.yml').is_file()
    assert get_config('retinanet_van_t').model.backbone.type == 'VAN'


def test_an_unknown_name():
    with pytest.raises(UserError, match=r"there is no config 'retinanet'; there are .*retinanet_van_t"):
        config_path('retinanet')


def test_read_config(tmp_path):
    (tmp_path / 'a.py').write_text('lr = 0.1\n')
    assert read_config(tmp_path / 'a.py').lr == 0.1


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
