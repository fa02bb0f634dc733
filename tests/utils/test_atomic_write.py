"""Files appear whole or not at all, and what a killed process leaves is removed."""

import errno
import os
import subprocess
import sys

import pytest

from mmbackbones.utils.atomic_write import atomic_write, remove_partials

WRITE = """
import sys, time
from pathlib import Path
from mmbackbones.utils.atomic_write import atomic_write
with atomic_write(Path(sys.argv[1])) as partial:
    partial.write_text('half')
    print(partial, flush=True)
    time.sleep(60)
"""


def test_the_file_appears_at_the_end(tmp_path):
    with atomic_write(tmp_path / 'made/a.txt') as partial:
        partial.write_text('whole')
        assert not (tmp_path / 'made/a.txt').exists()
    assert [path.name for path in (tmp_path / 'made').iterdir()] == ['a.txt']
    assert (tmp_path / 'made/a.txt').read_text() == 'whole'


@pytest.mark.parametrize('name', ['x' * 255, '\u65e5' * 85])
def test_names_as_long_as_they_may_be(name, tmp_path):
    with atomic_write(tmp_path / name) as partial:
        partial.write_text('whole')
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_an_error_leaves_what_was_there(tmp_path):
    (tmp_path / 'a.txt').write_text('old')
    with pytest.raises(UnicodeEncodeError), atomic_write(tmp_path / 'a.txt') as partial:
        partial.write_text('half' * 1000 + '\udc80', encoding='utf-8')
    assert [path.name for path in tmp_path.iterdir()] == ['a.txt']
    assert (tmp_path / 'a.txt').read_text() == 'old'


@pytest.mark.parametrize('given', [None, 'partial', 'other.txt'])
def test_an_error_names_the_file(given, tmp_path):
    """That which was to be written; the system names none for writes on a full disk."""
    path = tmp_path / 'a.txt'
    with pytest.raises(OSError, match='full') as error, atomic_write(path) as partial:
        raise OSError(errno.ENOSPC, 'full', str(partial) if given == 'partial' else given)
    name = 'other.txt' if given == 'other.txt' else str(path)
    assert str(error.value) == f"[Errno {errno.ENOSPC}] full: '{name}'"
    with pytest.raises(ConnectionResetError) as reset, atomic_write(path):
        raise ConnectionResetError(errno.ECONNRESET, 'reset')
    assert reset.value.filename is None


def test_a_folder_that_has_to_be_there(tmp_path):
    with pytest.raises(FileNotFoundError), atomic_write(tmp_path / 'gone' / 'a.txt', make_folder=False):
        pass
    assert not list(tmp_path.iterdir())


def test_partial_files_of_dead_processes_are_removed(tmp_path):
    process = subprocess.Popen(
        [sys.executable, '-W', 'ignore', '-c', WRITE, tmp_path / 'a.txt'], stdout=subprocess.PIPE, text=True
    )
    partial = process.stdout.readline().strip()
    remove_partials(tmp_path)
    assert os.path.exists(partial)  # its writer lives
    process.kill()
    process.wait()
    process.stdout.close()
    remove_partials(tmp_path, 'b*')
    assert os.path.exists(partial)
    remove_partials(tmp_path, 'a*')
    assert not os.path.exists(partial)


@pytest.mark.parametrize(('age', 'left'), [(60, True), (2 * 3600, False)])
def test_partial_files_of_other_programs_are_removed_when_old(age, left, tmp_path):
    partial = tmp_path / 'a.0123.partial'
    partial.touch()
    os.utime(partial, (partial.stat().st_atime, partial.stat().st_mtime - age))
    remove_partials(tmp_path)
    assert partial.exists() == left
