"""Lists of the images of each split."""

import pytest

from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.formats.label_maps.split_lists import divide, find_lists
from mmbackbones.errors import UserError
from tests.helpers.detection_folders import write_text

IMAGES = ['images/a 1.jpg', 'images/b.c.jpg', 'images/day/d.png', 'images/night/d.png']


def divide_by(root, **lists: str):
    for name, content in lists.items():
        write_text(root / f'{name}.txt', content)
    folder = Folder(root)
    return divide(folder, find_lists(folder), IMAGES)


@pytest.mark.parametrize(
    'line',
    [
        'a 1',
        'a 1.jpg',
        'images/a 1.jpg',
        './images/a 1',
        '/elsewhere/images/a 1.png',
        'C:\\data\\images\\a 1.jpg',
        ' a 1 ',
        '"a 1"',
    ],
)
def test_names_of_images(line, tmp_path):
    named, sources = divide_by(tmp_path, train=f'{line}\n\n', val='b.c\nday/d\n')
    assert named == {'train': [IMAGES[0]], 'val': [IMAGES[1], IMAGES[2]]}
    assert sources == {'train': 'train.txt', 'val': 'val.txt'}


def test_accents_and_names_with_points(tmp_path):
    write_text(tmp_path / 'train.txt', 'caf\u00e9.v1\n')
    folder = Folder(tmp_path)
    images = ['images/cafe\u0301.v1.png']
    assert divide(folder, find_lists(folder), images)[0] == {'train': images}


def test_pairs_of_paths(tmp_path):
    named, _ = divide_by(tmp_path, train='/x/b.c.jpg /x/annot/b.c.png\n', valid='images/day/d.png,masks/day/d.png\n')
    assert named == {'train': [IMAGES[1]], 'val': [IMAGES[2]]}


def test_the_rest(tmp_path):
    named, sources = divide_by(tmp_path, valid='b.c.jpg\n')
    assert named == {'train': [IMAGES[0], *IMAGES[2:]], 'val': [IMAGES[1]]}
    assert sources == {'train': 'images in no list', 'val': 'valid.txt'}
    named, _ = divide_by(tmp_path, trainval='b.c\na 1\nday/d\n')
    assert named == {'train': [IMAGES[0], IMAGES[2]], 'val': [IMAGES[1]]}
    named, _ = divide_by(tmp_path, train='a 1\n', valid='', trainval='b.c\na 1\n')
    assert named == {'train': [IMAGES[0]], 'val': [IMAGES[1]]}


def test_unknown_images(tmp_path):
    with pytest.raises(UserError, match=r"train\.txt, line 2: there is no image 'x' in .*, or several"):
        divide_by(tmp_path, train='a 1\nx\n')
    with pytest.raises(UserError, match=r"line 1: there is no image 'd' in .*, or several"):
        divide_by(tmp_path, train='d\n')
    with pytest.raises(UserError, match=r"line 1: there is no image '\.\./\.\./etc/passwd'"):
        divide_by(tmp_path, train='../../etc/passwd\n')


def test_places(tmp_path):
    write_text(tmp_path / 'splits/train.txt', 'a 1')
    write_text(tmp_path / 'classes.txt', 'cat')
    assert find_lists(Folder(tmp_path)) == {'train': 'splits/train.txt'}
    write_text(tmp_path / 'validation.txt', 'a 1')
    assert find_lists(Folder(tmp_path)) == {'val': 'validation.txt'}
    write_text(tmp_path / 'val.txt', 'a 1')
    with pytest.raises(UserError, match="has several that could be the split 'val': val, validation"):
        find_lists(Folder(tmp_path))
