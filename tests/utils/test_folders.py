"""Output folders are created and tried before hours of work."""

import pytest

from mmbackbones.errors import UserError
from mmbackbones.utils.folders import require_writable


def test_a_folder_is_made_and_left_empty(tmp_path):
    require_writable(tmp_path / 'a/b', '--work-dir')
    assert list((tmp_path / 'a/b').iterdir()) == []


@pytest.mark.parametrize(
    ('folder', 'reason'),
    [
        ('file/x', 'Not a directory'),
        ('file', 'File exists'),
        ('x' * 300, 'File name too long'),
        ('/proc/x', 'No such'),
    ],
)
def test_a_folder_that_cannot_be_written_to(tmp_path, folder, reason):
    (tmp_path / 'file').touch()
    with pytest.raises(UserError, match=f'--work-dir: cannot write to .*{folder}.*: {reason}.*name another folder'):
        require_writable(tmp_path / folder, '--work-dir')
