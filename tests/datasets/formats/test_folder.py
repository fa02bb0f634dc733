"""What a folder holds by name."""

import os

import pytest

from mmbackbones.datasets.formats.census import Glance
from mmbackbones.datasets.formats.folder import Folder
from tests.helpers.detection_folders import write_text

FILES = ['a.json', 'B.JSON', 'a.tar.gz', 'README', '.hidden.json', 'images/a_mask.png', 'images/a.PNG']


@pytest.fixture(params=[Folder, Glance])
def folder(request, tmp_path):
    for name in [*FILES, 'images/x/b.png']:
        write_text(tmp_path / name, '')
    return request.param(tmp_path)


@pytest.mark.parametrize(
    ('place', 'pattern', 'found'),
    [
        ('', '*', ['B.JSON', 'README', 'a.json', 'a.tar.gz']),
        ('', '*.json', ['B.JSON', 'a.json']),
        ('', '*.tar.gz', ['a.tar.gz']),
        ('', '*.txt', []),
        ('images', '*_mask.png', ['images/a_mask.png']),
        ('images', '*.png', ['images/a.PNG', 'images/a_mask.png']),
        ('missing', '*', []),
    ],
)
def test_files(place, pattern, found, folder):
    assert folder.files(place, pattern) == found


def test_folders(folder):
    assert folder.folders() == ['images']
    assert folder.folders('images') == ['images/x']
    assert folder.folders('images/x') == folder.folders('missing') == []


def test_walk(folder):
    assert folder.walk('', {'.png'}) == ['images/a.PNG', 'images/a_mask.png', 'images/x/b.png']
    assert folder.walk('images/x', {'.png', '.json'}) == ['images/x/b.png']
    assert folder.walk('missing', {'.png'}) == []


def test_each_folder_is_listed_once(folder, monkeypatch):
    first = folder.files(), folder.folders(), folder.walk('', {'.json'})
    monkeypatch.setattr(os, 'scandir', None)
    assert (folder.files(), folder.folders(), folder.walk('', {'.json'})) == first
