from pathlib import Path

import pytest

from tests.helpers import detection_folders as folders


@pytest.fixture
def root(tmp_path) -> Path:
    """A detection data set in plain COCO form."""
    folders.plain(tmp_path / 'user')
    return tmp_path / 'user'


@pytest.fixture
def folder(tmp_path) -> Path:
    """Three images: a.jpg, b.png and c.jpg."""
    for name in ('a.jpg', 'b.png', 'c.jpg'):
        folders.write_image(tmp_path / 'user' / name)
    return tmp_path / 'user'
