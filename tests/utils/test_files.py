"""Users' files are read if they are regular, and listed once each."""

import errno
import os
from pathlib import Path

import pytest

from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.errors import UserError
from mmbackbones.utils.files import (
    MAX_BYTES,
    MAX_TEXT_BYTES,
    list_files,
    read_bytes,
    read_text,
    reads_users_files,
    write_text,
)


def test_text_is_utf8_with_or_without_a_mark(tmp_path):
    write_text(tmp_path / 'made/a.txt', 'stra\u00dfe\n')
    assert read_bytes(tmp_path / 'made/a.txt') == b'stra\xc3\x9fe\n'
    assert read_text(tmp_path / 'made/a.txt') == 'stra\u00dfe\n'
    (tmp_path / 'b.txt').write_bytes(b'\xef\xbb\xbfroad')
    assert read_text(tmp_path / 'b.txt') == 'road'


@pytest.mark.parametrize(
    ('make', 'reason'),
    [
        (lambda path: path.write_bytes(b'\xff\xfe'), "can't decode"),
        (lambda path: path.mkdir(), 'it is not a regular file'),
        (os.mkfifo, 'it is not a regular file'),
        (lambda path: path.symlink_to('/dev/zero'), 'it is not a regular file'),
        (lambda path: path.symlink_to('nowhere'), 'No such file'),
    ],
)
def test_what_is_no_text_file(make, reason, tmp_path):
    make(tmp_path / 'a.txt')
    with pytest.raises(UserError, match=rf'a\.txt is not a readable text file: .*{reason}'):
        read_text(tmp_path / 'a.txt')


def test_read_bytes_of_a_pipe(tmp_path):
    os.mkfifo(tmp_path / 'pipe')
    with pytest.raises(OSError, match='it is not a regular file'):
        read_bytes(tmp_path / 'pipe')


def test_list_files(tmp_path):
    for name in ('b.JPG', 'day/a.jpg', 'day/old/c.png', 'd.txt', '.hidden.jpg', '.cache/e.jpg'):
        write_text(tmp_path / name, '')
    assert list_files(tmp_path, {'.jpg', '.png'}) == ['b.JPG', 'day/a.jpg', 'day/old/c.png']
    assert list_files(tmp_path / 'b.JPG', {'.jpg'}) == []


@pytest.mark.parametrize('folder', ['nowhere', 'nowhere/below'])
def test_a_folder_that_does_not_exist_holds_no_files(folder, tmp_path):
    assert list_files(tmp_path / folder, {'.jpg'}) == []


@pytest.mark.parametrize('target', ['.', '..', '../..', 'a'])
def test_links_to_a_parent_are_not_followed(target, tmp_path):
    """A link to a parent would list each folder again, at every level."""
    root = tmp_path / 'root'
    write_text(root / 'a/a.jpg', '')
    (root / 'loop').symlink_to(target)
    (root / 'a/loop').symlink_to('..')
    assert list_files(root, {'.jpg'}) == ['a/a.jpg']


def test_links_to_other_folders(tmp_path):
    for name in ('there/one/a.jpg', 'there/b.jpg', 'here/c.jpg'):
        write_text(tmp_path / name, '')
    (tmp_path / 'here/first').symlink_to('../there/one')
    (tmp_path / 'here/second').symlink_to('../there')
    (tmp_path / 'here/third').symlink_to('../there')
    (tmp_path / 'here/d.jpg').symlink_to('nowhere')
    assert list_files(tmp_path / 'here', {'.jpg'}) == ['c.jpg', 'd.jpg', 'first/a.jpg', 'second/b.jpg']


@pytest.mark.parametrize('target', ['loop.jpg', 'nowhere'])
def test_links_that_lead_to_nothing_are_listed_as_files(target, tmp_path):
    write_text(tmp_path / 'z.jpg', '')
    (tmp_path / 'loop.jpg').symlink_to(target)
    assert list_files(tmp_path, {'.jpg'}) == ['loop.jpg', 'z.jpg']
    assert Folder(tmp_path).files() == ['loop.jpg', 'z.jpg']
    assert Folder(tmp_path).folders() == []


def test_files_of_any_size_are_not_read_into_memory(tmp_path):
    for name, size in (('a.txt', MAX_TEXT_BYTES + 1), ('b.json', MAX_BYTES + 1)):
        with (tmp_path / name).open('wb') as stream:
            stream.truncate(size)  # takes no space
    with pytest.raises(UserError, match='at most 256 MiB are read'):
        read_text(tmp_path / 'a.txt')
    with pytest.raises(OSError, match='at most 4096 MiB are read'):
        read_bytes(tmp_path / 'b.json')


def test_folders_that_may_not_be_listed(tmp_path, monkeypatch):
    """Root may list anything, so that the system's refusal is imitated."""
    write_text(tmp_path / 'a/b.jpg', '')
    write_text(tmp_path / 'c.jpg', '')
    scandir = os.scandir

    def refuse(place):
        if os.path.basename(os.path.normpath(place)) == 'a':
            raise PermissionError(errno.EACCES, 'Permission denied', str(place))
        return scandir(place)

    monkeypatch.setattr(os, 'scandir', refuse)
    closed: list[str] = []
    assert list_files(tmp_path, {'.jpg'}, closed) == ['c.jpg']
    folder = Folder(tmp_path)
    assert folder.files('a') == []
    assert closed == folder.closed == [str(tmp_path / 'a')]


def test_what_vanishes_is_the_users_mistake(tmp_path):
    @reads_users_files
    def read(root):
        return (Path(root) / 'a.txt').stat()

    with pytest.raises(UserError, match=r'a\.txt cannot be read: No such file or directory'):
        read(root=tmp_path)

    @reads_users_files
    def write(root):
        raise OSError(errno.ENOSPC, 'No space left on device', str(root))

    with pytest.raises(OSError, match='No space left'):
        write(tmp_path)
