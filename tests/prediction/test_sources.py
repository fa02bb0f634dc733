"""What can be predicted on, and in which order."""

import os
from pathlib import Path

import numpy as np
import pytest

from mmbackbones.errors import UserError
from mmbackbones.prediction.sources import find_sources
from mmbackbones.prediction.writers.places import Places


@pytest.fixture
def photos(tmp_path, monkeypatch) -> Path:
    """A folder of files whose content does not matter here."""
    monkeypatch.chdir(tmp_path)
    names = ['10.jpg', '2.JPG', 'b/1.png', 'b/film.mp4', 'a b/x.jpg/3.webp', '.hidden.jpg', '.git/a.jpg', 'notes.txt']
    for name in names:
        path = tmp_path / 'photos' / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path / 'photos'


def names(source, **options) -> list[str]:
    found, failures = find_sources(source, **options)
    assert not failures
    return [str(source.name) for source in found]


def test_a_folder_in_natural_order(photos):
    expected = ['photos/2.JPG', 'photos/10.jpg', 'photos/a b/x.jpg/3.webp', 'photos/b/1.png', 'photos/b/film.mp4']
    assert names('photos') == expected
    assert names(Path('photos')) == expected
    assert [source.is_video for source in find_sources('photos')[0]] == [False] * 4 + [True]


def test_patterns(photos):
    assert names('photos/*.jpg') == ['photos/10.jpg']
    assert names('photos/*') == names('photos')
    assert names('photos/**/*.png') == ['photos/b/1.png']
    (photos / '[1]').mkdir()
    (photos / '[1]' / 'a.jpg').touch()
    assert names('photos/[1]') == ['photos/[1]/a.jpg']


def test_a_list_keeps_its_order(photos):
    array = np.zeros((4, 5, 3), np.uint8)
    found, _ = find_sources(['photos/b', array, 'photos/2.JPG', 1, np.int64(2), '3'])
    assert [source.name for source in found] == ['photos/b/1.png', 'photos/b/film.mp4', None, 'photos/2.JPG', *'123']
    assert [source.camera for source in found][-3:] == [1, 2, 3]


def test_up_from_a_link(tmp_path, monkeypatch):
    """As the file system does: up from where the link leads."""
    (tmp_path / 'far' / 'photos').mkdir(parents=True)
    (tmp_path / 'link').symlink_to('far/photos')
    files = [tmp_path / 'far' / 'a.jpg', tmp_path / 'a.jpg', tmp_path / 'far' / 'photos' / 'b.jpg']
    for file in files:
        file.touch()
    monkeypatch.chdir(tmp_path)
    for given in ('link/../a.jpg', 'link/../*.jpg', 'link/../?.jpg', '*/../a.jpg'):
        found, _ = find_sources(given)
        for source in found:
            assert source.file.samefile(source.name)
            Places(tmp_path / 'out', [source]).picture(source.name).relative_to(tmp_path / 'out' / 'drawn')
    found, _ = find_sources('link/..')
    assert {source.file for source in found} == {files[0], files[2]}


def test_own_output_is_left_out(photos):
    own = photos / 'b'
    assert names('photos', leave_out=[own]) == ['photos/2.JPG', 'photos/10.jpg', 'photos/a b/x.jpg/3.webp']
    for inside in ('photos/b', 'photos/b/1.png'):
        with pytest.raises(UserError, match='predictions are written there: name another folder as --out'):
            find_sources(inside, leave_out=[own])


def test_what_is_missing_among_several(photos):
    (photos / 'link.jpg').symlink_to('nowhere')
    (photos / 'empty').mkdir()
    found, failures = find_sources(['photos/2.JPG', 'gone.jpg', 'photos/link.jpg', 'photos/empty', 'http://a/b.jpg'])
    assert len(found) == 1
    reasons = dict(failures)
    assert list(reasons) == ['gone.jpg', 'photos/link.jpg', 'photos/empty', 'http://a/b.jpg']
    assert 'no such file or folder' in reasons['gone.jpg']
    assert 'leads nowhere' in reasons['photos/link.jpg']
    assert 'holds no images or videos' in reasons['photos/empty']
    assert 'download the file first' in reasons['http://a/b.jpg']


@pytest.mark.parametrize(
    ('source', 'message'),
    [
        ('gone.jpg', 'gone.jpg: there is no such file or folder: give an image'),
        ('*.gif', r'no image or video matches this pattern'),
        ('https://a/b.jpg', 'addresses are not read'),
        ('', 'an empty name'),
        ('a\0b', r'a\\x00b: it cannot be read'),
        ([], 'there is nothing to predict on'),
        (None, 'cannot predict on None: give an image'),
        (3.5, 'cannot predict on 3.5'),
        (True, 'cannot predict on True'),
        (-1, 'there is no camera -1'),
        ('9999999999999', 'there is no camera 999999999'),
        (np.zeros((4, 5, 3)), 'got float64 and .4, 5, 3.'),
        (np.zeros((2, 4, 5, 3), np.uint8), 'give several images as a list'),
        (np.zeros((4, 5, 2), np.uint8), 'must be an image of type uint8'),
        (np.zeros((0, 5, 3), np.uint8), 'must be an image of type uint8'),
    ],
)
def test_nothing_to_predict_on(source, message, photos):
    with pytest.raises(UserError, match=message):
        find_sources(source)


def test_arrays_become_rgb():
    rgba = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    assert np.array_equal(find_sources(rgba)[0][0].array, rgba[..., :3])
    for gray in (rgba[..., 0], rgba[..., :1]):
        (source,), _ = find_sources(gray)
        assert np.array_equal(source.array, np.stack([rgba[..., 0]] * 3, axis=2))


@pytest.mark.skipif(os.name == 'nt', reason='names are text there')
def test_a_name_that_is_no_text(photos):
    name = os.fsdecode(b'photos/\xff.jpg')
    Path(name).touch()
    assert name in names('photos')
