"""Which files the names in a COCO file stand for."""

import pytest

from mmbackbones.datasets.formats.coco.images import Located, locate_images
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.errors import UserError


@pytest.fixture
def locate(tmp_path):
    def run(files, names, places=('images', 'train'), alone=True, file='a.json'):
        for name in files:
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name).touch()
        return locate_images(Folder(tmp_path), file, 'train', names, places, alone)

    return run


@pytest.mark.parametrize(
    ('files', 'names', 'expected'),
    [
        # as they are
        (['images/a.jpg', 'train/a.jpg'], ['a.jpg'], Located('images')),
        (['images/b.jpg', 'train/a.jpg'], ['a.jpg'], Located('train')),
        (['x/y/a.jpg', 'x/y/day/b.jpg'], ['a.jpg', 'day/b.jpg'], Located('x/y')),
        (['a.jpg', 'b.jpg'], ['a.jpg', 'b.jpg'], Located('')),
        # by their ends
        (['x/a.jpg', 'y/b.jpg'], ['a.jpg', 'b.jpg'], {'a.jpg': 'x/a.jpg', 'b.jpg': 'y/b.jpg'}),
        (['x/a.jpg', 'y/a.jpg'], ['/home/me/y/a.jpg'], {'/home/me/y/a.jpg': 'y/a.jpg'}),
        (['x/a.jpg'], ['C:\\data\\x\\a.jpg'], {'C:\\data\\x\\a.jpg': 'x/a.jpg'}),
        (['x/a.jpg'], ['../../a.jpg'], {'../../a.jpg': 'x/a.jpg'}),
        (['x/a b.jpg'], ['y/a%20b.jpg'], {'y/a%20b.jpg': 'x/a b.jpg'}),
        (['x/a%20b.jpg', 'x/a b.jpg'], ['y/a%20b.jpg'], {'y/a%20b.jpg': 'x/a%20b.jpg'}),
        (['x/a.jpg'], ['https://host/x/a.jpg?sig=1'], {'https://host/x/a.jpg?sig=1': 'x/a.jpg'}),
        (['x/a.JPG'], ['a.jpg'], {'a.jpg': 'x/a.JPG'}),
        (['x/a.JPG', 'x/a.jpg'], ['y/a.jpg'], {'y/a.jpg': 'x/a.jpg'}),
        (['x/cafe\u0301.jpg'], ['caf\u00e9.jpg'], {'caf\u00e9.jpg': 'x/cafe\u0301.jpg'}),
        # some are missing
        (['images/a.jpg'], ['a.jpg', 'b.jpg'], Located('images')),
        (['x/a.jpg', 'y/c.jpg'], ['a.jpg', 'b.jpg'], Located('x')),
        (['images/a.jpg', 'x/a.jpg', 'x/b.jpg'], ['a.jpg', 'b.jpg', 'c.jpg'], Located('images')),
        (['images/z.jpg'], ['a.jpg'], Located('images')),
        (['x/a.jpg'], ['1/a.jpg', '2/a.jpg'], None),  # two names, one file
        (['images/a.txt'], ['a.jpg'], None),
        ([], ['a.jpg'], None),
        ([], [], None),
    ],
)
def test_locate(files, names, expected, locate):
    expected = Located('', expected) if isinstance(expected, dict) else expected
    assert locate(files, names) == expected


def test_several_files_of_a_name(locate):
    with pytest.raises(UserError, match=r"a\.json: the image 'a\.jpg' may be x/a\.jpg or y/a\.jpg of .*: write"):
        locate(['x/a.jpg', 'y/a.jpg'], ['a.jpg'])


def test_folders_of_other_splits(locate):
    """The images of a training split are not taken from a folder that is named as another split."""
    assert locate(['my_val/a.jpg'], ['a.jpg'], alone=False) is None
    assert locate(['my_val/a.jpg'], ['a.jpg']) == Located('my_val')
    assert locate(['my_train/a.jpg', 'my_val/a.jpg'], ['a.jpg'], alone=False) == Located('my_train')


def test_the_folder_of_the_file_comes_first(locate):
    files = ['one/x/a.jpg', 'two/x/a.jpg']
    assert locate(files, ['/home/a.jpg'], file='two/labels.json').names == {'/home/a.jpg': 'two/x/a.jpg'}


def test_other_files_are_not_searched_for_images_of_several(locate):
    """Where there are other COCO files, a missing image is missing."""
    files = ['images/a.jpg', 'thumbnails/b.jpg']
    assert locate(files, ['a.jpg', 'b.jpg'], alone=False) == Located('images')
    assert locate(files, ['a.jpg', 'b.jpg']).names == {'a.jpg': 'images/a.jpg', 'b.jpg': 'thumbnails/b.jpg'}


def test_many_files_of_one_name(locate):
    """Frames of videos: compared name by name, this would take minutes."""
    names = [f'{video}/{frame}.jpg' for video in range(60) for frame in range(50)]
    found = locate([f'clips/{name}' for name in names], [f'/home/me/{name}' for name in names])
    assert found.names == {f'/home/me/{name}': f'clips/{name}' for name in names}


def test_impossible_names(locate):
    for name in ('a\0.jpg', '\ud800.jpg', 'x' * 5000, '/', '', '..', '?', '%'):
        assert locate(['images/a.jpg'], [name]) in (Located('images'), Located('train'))
