"""Files are inspected once: results for valid files are cached, broken files are named."""

import json
import os
from pathlib import Path

import pytest

from mmbackbones.datasets.checks import file_cache
from mmbackbones.datasets.checks.file_cache import inspect_files
from mmbackbones.errors import UserError

NAMES = ['a.jpg', 'b.png', 'c.jpg']


class Inspector:
    """Says how large a file is and what its first byte is, and remembers what it was asked about."""

    def __init__(self):
        self.asked = []

    def __call__(self, path):
        self.asked.append(os.path.basename(path))
        content = Path(path).read_bytes()
        return (len(content), content[0]) if content != b'broken' else 'it is broken'


@pytest.fixture
def inspector():
    return Inspector()


def found(folder, inspect, names=NAMES, root=None):
    return inspect_files(root or folder, folder, names, 'train.json', 'image', inspect)


def expected(folder, names=NAMES):
    return [(len(content), content[0]) for content in ((folder / name).read_bytes() for name in names)]


def test_each_file_is_inspected_only_once(folder, inspector):
    for _ in range(2):
        assert found(folder, inspector) == expected(folder)
        assert sorted(inspector.asked) == NAMES


def test_results_come_in_the_order_of_the_names(folder, inspector):
    found(folder, inspector, ['b.png'])
    names = ['c.jpg', 'a.jpg', 'b.png', 'a.jpg']
    assert found(folder, inspector, names) == expected(folder, names)
    assert sorted(inspector.asked) == NAMES


def test_a_changed_file_is_inspected_again(folder, inspector):
    found(folder, inspector)
    (folder / 'b.png').write_bytes(b'other')
    assert found(folder, inspector)[1] == (5, ord('o'))
    assert inspector.asked[3:] == ['b.png']


def test_a_file_of_another_time_is_inspected_again(folder, inspector):
    found(folder, inspector)
    os.utime(folder / 'c.jpg', (1, 1))
    found(folder, inspector)
    assert inspector.asked[3:] == ['c.jpg']


def test_broken_files_are_named_each_time(folder, inspector):
    (folder / 'b.png').write_bytes(b'broken')
    message = r"train\.json: the image '.*b\.png' cannot be read \(it is broken\); 1 of its 3 images is unreadable$"
    for _ in range(2):
        with pytest.raises(UserError, match=message):
            found(folder, inspector)
    assert sorted(inspector.asked) == ['a.jpg', 'b.png', 'b.png', 'c.jpg']  # the valid ones are cached
    (folder / 'c.jpg').write_bytes(b'broken')
    with pytest.raises(UserError, match=r"b\.png' .*; 2 of its 3 images are unreadable$"):
        found(folder, inspector)


@pytest.mark.parametrize(
    'content', ['', 'no JSON', '[]', '{"a.jpg": 3, "b.png": [], "c.jpg": [1, 2, "x", null]}', '[' * 200_000]
)
def test_a_broken_cache_is_ignored(content, folder, cache_home, inspector):
    found(folder, inspector)
    (file,) = cache_home.rglob('*.json')
    file.write_text(content)
    for _ in range(2):
        assert found(folder, inspector) == expected(folder)
        assert len(inspector.asked) == 6


def test_a_cache_that_cannot_be_written(folder, cache_home, inspector):
    cache_home.write_text('a file where the folder should be')
    assert found(folder, inspector) == expected(folder)


def test_an_interrupted_check_keeps_what_was_valid(folder, cache_home, inspector):
    def interrupted(path):
        if path.endswith('c.jpg'):
            raise KeyboardInterrupt
        return inspector(path)

    with pytest.raises(KeyboardInterrupt):
        found(folder, interrupted)
    (file,) = cache_home.rglob('*.json')
    assert sorted(json.loads(file.read_text())) == ['a.jpg', 'b.png']


def test_the_cache_is_saved_during_the_check(folder, inspector, monkeypatch):
    monkeypatch.setattr(file_cache, 'SAVE_INTERVAL', 0)
    saved = []
    monkeypatch.setattr(file_cache, 'write_text', lambda file, text: saved.append(sorted(json.loads(text))))
    found(folder, inspector)
    assert saved[:3] == [NAMES[:1], NAMES[:2], NAMES]


def test_the_cache_of_another_version_is_ignored(folder, inspector, monkeypatch):
    found(folder, inspector)
    monkeypatch.setattr(file_cache, 'CACHE_VERSION', file_cache.CACHE_VERSION + 1)
    found(folder, inspector)
    assert len(inspector.asked) == 6


@pytest.mark.parametrize('make', [os.mkfifo, os.mkdir], ids=['pipe', 'folder'])
def test_only_regular_files_are_opened(make, folder, inspector):
    make(folder / 'd.jpg')
    with pytest.raises(UserError, match=r"the image .*d\.jpg' is not a regular file; 1 of its 4 images is not$"):
        found(folder, inspector, [*NAMES, 'd.jpg'])
    (folder / 'e.jpg').symlink_to('/dev/zero')
    with pytest.raises(UserError, match=r"e\.jpg' is not a regular file"):
        found(folder, inspector, ['e.jpg'])
    assert inspector.asked == []


@pytest.mark.parametrize('name', ['z.jpg', 'a\0.jpg', 'x' * 300 + '.jpg'], ids=['missing', 'impossible', 'long'])
def test_missing_files_are_named(name, folder, inspector):
    with pytest.raises(
        UserError,
        match=r"^train\.json: the image '.*' is not in .*; 1 of its 4 images is missing: add it, or remove it from",
    ):
        found(folder, inspector, [*NAMES, name])
    assert inspector.asked == []


@pytest.mark.parametrize('name', ['../../a.jpg', 'x/../../../a.jpg', '/a.jpg'])
def test_names_that_leave_the_data_folder_are_refused(name, folder, inspector):
    with pytest.raises(UserError, match=r"the image file '.*' is not inside the data folder"):
        found(folder, inspector, [name], root=folder.parent)
    assert found(folder, inspector, ['../user/a.jpg'], root=folder.parent) == expected(folder, ['a.jpg'])
