"""YAML is read as data, within bounds."""

import pytest

from mmbackbones.errors import UserError
from mmbackbones.utils.yaml_file import read_yaml


def test_read_yaml(tmp_path):
    (tmp_path / 'a.yaml').write_text('names: &n [cat, 2]\nagain: *n\n')
    assert read_yaml(tmp_path / 'a.yaml') == {'names': ['cat', 2], 'again': ['cat', 2]}


BOMB = f'a: &a {"x" * 1000}\nb: &b [{", ".join(["*a"] * 100)}]\nc: [{", ".join(["*b"] * 100)}]'


@pytest.mark.parametrize(
    ('text', 'message'),
    [
        ('a: [', 'is not readable YAML: '),
        ('a: [b\nc: d', 'is not readable YAML: line 2, column 2: '),
        ('a:\n\tb: 1', 'line 2, column 1: .*: indent with spaces instead of tabs'),
        ('a: "C:\\data"', 'line 1, column .*: write paths with slashes, or in single quotes'),
        ('!!python/object/apply:os.system [true]', 'is not readable YAML'),
        ('a: *missing', 'is not readable YAML'),
        ('[' * 60 + ']' * 60, 'lists within lists 50 times'),
        ('# ' + 'x' * (5 << 20), 'more than 4 MiB'),
        (BOMB, 'more than 4 MiB'),
    ],
)
def test_refused(text, message, tmp_path):
    (tmp_path / 'a.yaml').write_text(text)
    with pytest.raises(UserError, match=rf'a\.yaml .*{message}'):
        read_yaml(tmp_path / 'a.yaml')
