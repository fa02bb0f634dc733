"""One rule finds the images of every format."""

import time
from pathlib import Path

import pytest

from mmbackbones.datasets.formats.image_finder import ImageFinder
from mmbackbones.errors import UserError

ROOT = Path('/data')


@pytest.mark.parametrize(
    ('images', 'name', 'found'),
    [
        (['a.jpg', 'x/a.jpg'], 'a.jpg', ['a.jpg']),  # the path as it is
        (['x/day/a.jpg', 'x/night/a.jpg'], 'C:\\photos\\day\\a.jpg', ['x/day/a.jpg']),  # the longest end
        (['x/day/a.jpg', 'x/night/a.jpg'], 'a.jpg', ['x/day/a.jpg', 'x/night/a.jpg']),
        (['x/a.jpg'], './y/../a.jpg', ['x/a.jpg']),
        (['x/a.jpg', 'x/b.png'], 'b', ['x/b.png']),  # without a suffix
        (['x/a.jpg', 'x/a.png'], 'a', ['x/a.jpg', 'x/a.png']),
        (['x/a.jpg'], 'a.png', []),
        (['x/a b.jpg'], 'a%20b.jpg', ['x/a b.jpg']),
        (['x/a b.jpg'], 'https://host/a%20b.jpg?size=2', ['x/a b.jpg']),
        (['x/a%20b.jpg', 'x/a b.jpg'], 'a%20b.jpg', ['x/a%20b.jpg']),
        (['x/a.JPG'], 'A.jpg', ['x/a.JPG']),
        (['x/a.JPG', 'y/A.jpg'], 'x/A.jpg', ['y/A.jpg']),  # another spelling only if nothing else is found
        (['x/cafe\u0301.jpg'], 'caf\u00e9.jpg', ['x/cafe\u0301.jpg']),
        (['x/a.jpg'], '', []),
        ([], 'a.jpg', []),
    ],
)
def test_one(images, name, found):
    assert ImageFinder(ROOT, images).find_one(name) == found


def test_one_of_any_suffix():
    finder = ImageFinder(ROOT, ['day/a.jpg', 'night/a.png'])
    assert finder.find_one('day/a.png', any_suffix=True) == ['day/a.jpg']
    assert finder.find_one('day/a.png') == ['night/a.png']


@pytest.mark.parametrize(
    ('images', 'names', 'paths', 'note'),
    [
        (['x/a.jpg', 'x/b.jpg'], ['a.jpg', 'b.jpg'], ['x/a.jpg', 'x/b.jpg'], ''),
        (['x/a.jpg', 'y/b.jpg'], ['a.jpg', 'b.jpg'], ['x/a.jpg', 'y/b.jpg'], ''),
        (['x/a.jpg'], ['/old/x/a.jpg'], ['x/a.jpg'], 'images listed in /old/ were found in /data'),
        (['new/a.jpg'], ['D:\\old\\a.jpg'], ['new/a.jpg'], 'images listed in D:/old/ were found in /data/new'),
        (['x/A.JPG', 'x/b c.jpg'], ['a.jpg', 'b%20c.jpg'], ['x/A.JPG', 'x/b c.jpg'], "such as 'a.jpg' for x/A.JPG"),
        (['1/a.jpg', '2/a.jpg'], ['1/a.jpg', '2/a.jpg'], ['1/a.jpg', '2/a.jpg'], ''),
    ],
)
def test_all(images, names, paths, note, tmp_path):
    found, notes = ImageFinder(ROOT, images).find_each(names, '/data/list.txt')
    assert found == paths
    assert len(notes) == bool(note)
    assert all(note in item for item in notes)


@pytest.mark.parametrize(
    ('images', 'names', 'message'),
    [
        (['x/a.jpg'], ['1/a.jpg', '2/a.jpg'], "the image '2/a.jpg' is not in /data; 1 of its 2 images is missing"),
        (['val/a.jpg'], ['/old/train/a.jpg'], 'is not in /data; 1 of its 1 images is missing'),  # of another split
        (['x/A.jpg', 'y/a.JPG'], ['a.jpg'], 'images of the same names are in x/ and y/ of /data: keep one of them'),
        (['x/a.jpg', 'y/a.jpg'], ['a.jpg'], 'images of the same names are in x/ and y/ of /data: keep one of them'),
        (['x/a.jpg'], ['x/a.jpg', 'x/A.jpg'], "the image 'x/A.jpg' is not in /data"),  # two names, one image
    ],
)
def test_what_is_refused(images, names, message):
    with pytest.raises(UserError, match=f'list.txt: .*{message}'):
        ImageFinder(ROOT, images).find_each(names, 'list.txt')


def test_many_images():
    """Comparing each name with each image would take hours."""
    images = [f'{number % 100}/{number}/a.jpg' for number in range(10_000)]
    start = time.process_time()
    finder = ImageFinder(ROOT, images)
    assert finder.find_each([f'/old/{image}' for image in images], 'list.txt')[0] == images
    assert all(len(finder.find_one(f'c:\\{number}\\A.JPG')) == 1 for number in range(0, 10_000, 101))
    assert time.process_time() - start < 5
