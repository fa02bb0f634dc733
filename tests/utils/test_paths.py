"""Paths are made absolute, kept inside their folder, and read from Windows as well."""

import pytest

from mmbackbones.utils.paths import absolute, escapes_folder, normalize_separators


def test_absolute_resolves_links_before_two_dots(tmp_path, monkeypatch):
    """``link/..`` is the parent of the folder that the link points to."""
    (tmp_path / 'deep/target').mkdir(parents=True)
    (tmp_path / 'link').symlink_to('deep/target')
    monkeypatch.chdir(tmp_path)
    assert absolute('link') == tmp_path / 'link'
    assert absolute('./link/.') == tmp_path / 'link'
    assert absolute('link/..') == tmp_path / 'deep'
    assert absolute('missing/../link') == tmp_path / 'deep/target'


@pytest.mark.parametrize(
    ('path', 'escapes'),
    [
        ('a/b.jpg', False),
        ('a/../b.jpg', False),
        ('..a/b.jpg', False),
        ('.', False),
        ('..', True),
        ('a/../../b.jpg', True),
        ('/etc/passwd', True),
        ('a/../../a/b.jpg', True),
    ],
)
def test_escapes_folder(path, escapes):
    assert escapes_folder(path) == escapes


def test_backslashes_are_separators_unless_a_file_has_them(tmp_path):
    assert normalize_separators(tmp_path, 'day/a.jpg') == 'day/a.jpg'
    assert normalize_separators(tmp_path, r'day\a.jpg') == 'day/a.jpg'
    (tmp_path / r'day\a.jpg').touch()
    assert normalize_separators(tmp_path, r'day\a.jpg') == r'day\a.jpg'
    assert normalize_separators(tmp_path, r'night\a.jpg') == 'night/a.jpg'
    assert normalize_separators(tmp_path, 'a\0\\b.jpg') == 'a\0/b.jpg'
