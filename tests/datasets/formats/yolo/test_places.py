"""YOLO data sets whose files name places of another machine, or of another folder."""

import os
import re
import shutil
import time

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.formats.yolo.data_yaml import Yolo
from mmbackbones.datasets.formats.yolo.places import find_moved
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import contents, truth
from tests.helpers.detection_folders import TRUTH, rename, write_image, write_text

NAMES = 'names: [cat, dog]\n'


@pytest.fixture
def root(tmp_path):
    folders.yolo(tmp_path / 'user')
    return tmp_path / 'user'


def listing(split: str, line: str) -> str:
    return ''.join(line.format(stem) + '\n' for stem in TRUTH[split])


@pytest.mark.parametrize('name', ['custom.yaml', 'Custom.YML'])
def test_a_yaml_file_of_any_name(name, root, out_dir):
    rename(root, 'data.yaml', name)
    write_text(root / 'args.yaml', 'train: x\nmodel: yolo\n')
    write_text(root / 'broken.yaml', 'names: [')
    data = load_detection(root, out_dir)
    assert data.format == 'YOLO'
    assert contents(data.splits['train']) == truth('train')


def test_several_yaml_files(root, out_dir):
    shutil.copy(root / 'data.yaml', root / 'b.yaml')
    assert f'{root}: not used: b.yaml' in load_detection(root, out_dir).notes
    rename(root, 'data.yaml', 'a.yml')
    message = f'user has several files with "names" and "train" or "val": a.yml, b.yaml; .* --data {root}/a.yml'
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)


@pytest.mark.parametrize(
    ('entry', 'real', 'said'),
    [
        ('/content/drive/images/val', 'images/val', True),
        (r'D:\me\images\val', 'images/val', True),
        ('images/val', 'images/Valid', True),
        ('../valid/images', 'val/images', True),
        ('../images/val', 'images/val', False),
    ],
)
def test_folders_from_elsewhere(entry, real, said, root, out_dir):
    write_text(root / 'data.yaml', f'path: /nowhere\ntrain: images/train\nval: {entry}\n{NAMES}')
    if real != 'images/val':
        rename(root, 'images/val', real)
        rename(root, 'labels/val', real.replace('images', 'labels'))
    data = load_detection(root, out_dir)
    assert contents(data.splits['val']) == truth('val')
    assert [note for note in data.notes if '"val" is' in note] == (
        [f'data.yaml: "val" is {entry!r}, which was found as {real}'] if said else []
    )


@pytest.mark.parametrize('entry', ['../valid/images', '/content/val/images', '../validation/images'])
def test_a_split_is_not_taken_for_another(entry, root, out_dir):
    """`images/` without the name of the split would be all images."""
    write_text(root / 'data.yaml', f'train: images/train\nval: {entry}\n{NAMES}')
    with pytest.raises(UserError, match='"val" is .* which is neither a folder nor'):
        load_detection(root, out_dir)


def test_two_folders_for_a_split(root, out_dir):
    rename(root, 'images/val', 'images/valid')
    rename(root, 'images/test', 'images/validation')
    with pytest.raises(UserError, match='"val" is .* which is neither a folder nor'):
        load_detection(root, out_dir)


def test_entries_of_endless_depth(root):
    start = time.monotonic()
    assert find_moved(root, 'a/' * 1_000_000) is None
    assert find_moved(root, 'a\0') is None
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(
    'line', ['/content/data/images/train/{}.jpg', 'data/images/train/{}.jpg', 'x/{}.jpg', '{}.jpg', r'C:\a\{}.jpg']
)
def test_lists_from_elsewhere(line, root, out_dir):
    write_text(root / 'data.yaml', f'train: train.txt\nval: images/val\n{NAMES}')
    write_text(root / 'train.txt', listing('train', line))
    data = load_detection(root, out_dir)
    assert contents(data.splits['train']) == truth('train')
    assert any('train.txt: images listed in' in note for note in data.notes) == line.startswith(('/', 'x', 'C'))


def test_lists_with_missing_images(root, out_dir):
    write_text(root / 'data.yaml', f'train: train.txt\nval: images/val\n{NAMES}')
    write_text(root / 'train.txt', listing('train', '/x/images/train/{}.jpg') + '/x/images/train/z1.jpg\n')
    write_image(root / 'images/val/z1.jpg')  # of another split, though of this name
    message = (
        r"train\.txt: the image '/x/images/train/z1.jpg' is not inside the data folder .*; 1 of its 5 images is missing"
    )
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)


def test_a_list_of_images_of_another_split(root, out_dir):
    """Splits whose images have the same names."""
    for path in (root / 'images/val').iterdir():
        path.unlink()
    for number, stem in enumerate(TRUTH['train']):
        shutil.copy(root / f'images/train/{stem}.jpg', root / f'images/val/{number}.jpg')
        (root / f'images/train/{stem}.jpg').unlink()
    write_text(root / 'train.txt', ''.join(f'/x/train/{number}.jpg\n' for number in range(4)))
    write_text(root / 'data.yaml', f'train: train.txt\nval: images/val\n{NAMES}')
    with pytest.raises(UserError, match='4 of its 4 images are missing'):
        load_detection(root, out_dir)


def test_a_list_that_could_mean_two_folders(root, out_dir):
    write_text(root / 'data.yaml', f'train: train.txt\nval: images/val\n{NAMES}')
    write_text(root / 'train.txt', listing('train', '{}.jpg'))
    shutil.copytree(root / 'images/train', root / 'backup')
    assert load_detection(root, out_dir).splits['train'].images == 4  # those in images/
    shutil.move(root / 'images/train', root / 'new')
    message = r'train\.txt: images of the same names are in backup/ and new/ of .*: keep one of them'
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)


@pytest.mark.parametrize('val', ['[images/val, images/train]', 'images'])
def test_images_of_two_splits_are_reported(val, root, out_dir):
    write_text(root / 'data.yaml', f'train: images/train\nval: {val}\n{NAMES}')
    notes = load_detection(root, out_dir).notes
    assert any(re.match(r'data.yaml \(val\): 4 of the \d images of val are trained on as well', note) for note in notes)


@pytest.mark.parametrize('absolute', [True, False])
@pytest.mark.parametrize('lists', [True, False])
def test_a_named_file_may_lead_anywhere(absolute, lists, root, tmp_path):
    file = tmp_path / 'yamls/pets.yaml'
    path = root if absolute else '../user'
    entries = {split: f'images/{split}' for split in TRUTH}
    if lists:
        write_text(tmp_path / 'lists/train.txt', listing('train', f'{root}/images/train/{{}}.jpg'))
        entries['train'] = str(tmp_path / 'lists/train.txt')
    write_text(file, f'path: {path}\n' + ''.join(f'{key}: {value}\n' for key, value in entries.items()) + NAMES)
    found = Yolo.open_file(file)
    assert (found.name, found.root, list(found.splits)) == ('YOLO', tmp_path / 'yamls', ['train', 'val', 'test'])
    for split in TRUTH:
        read = found.read(split)
        assert read.boundary == read.image_dir == root / 'images'
        assert len(read.data['images']) == len(TRUTH[split])
        assert all((read.image_dir / image['file_name']).is_file() for image in read.data['images'])
        assert len(read.data['annotations']) == sum(map(len, TRUTH[split].values()))


def test_a_named_file_beside_its_images(root):
    write_text(root / 'data.yaml', f'path: /content\ntrain: /content/train.txt\nval: images/val\n{NAMES}')
    write_text(root / 'train.txt', listing('train', '/content/images/train/{}.jpg'))
    found = Yolo.open_file(root / 'data.yaml')
    assert len(found.read('train').data['images']) == 4
    assert found.splits == {'train': 'data.yaml (train)', 'val': 'data.yaml (val)'}


def test_a_named_file_whose_images_are_missing(root):
    file = root / 'yamls/data.yaml'
    write_text(file, f'path: ../gone\ntrain: images/train\nval: images/val\n{NAMES}')
    with pytest.raises(UserError, match=r'"train" is .* nor a \.txt list in .*gone or .*yamls'):
        Yolo.open_file(file)
    write_text(file, f'train: train.txt\nval: ../images/val\n{NAMES}')
    write_text(root / 'yamls/train.txt', f'{root}/images/train/a1.jpg\n{root}/images/train/z.jpg\n')
    with pytest.raises(
        UserError, match=r"image '.*/z\.jpg' is not there, nor in .*yamls; 1 of its 2 images is missing"
    ):
        Yolo.open_file(file)


def test_a_folder_that_names_images_outside(root, tmp_path, out_dir):
    rename(tmp_path, 'user/data.yaml', 'other/data.yaml')
    write_text(tmp_path / 'other/data.yaml', f'path: {root}\ntrain: images/train\nval: images/val\n{NAMES}')
    with pytest.raises(UserError, match=r'it is outside of this folder: .* use --data .*other/data\.yaml'):
        load_detection(tmp_path / 'other', out_dir)


def test_yaml_files_that_are_pipes(tmp_path, out_dir):
    folders.plain(tmp_path)
    os.mkfifo(tmp_path / 'my.yaml')
    assert not Yolo.match(Folder(tmp_path))
    assert load_detection(tmp_path, out_dir).format == 'plain COCO'
