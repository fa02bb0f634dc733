"""YOLO without a YAML file, and darknet's: class names, splits, and what is refused."""

import os
import re
import shutil

import pytest

from mmbackbones.datasets import load_detection
from mmbackbones.datasets.formats import find_format
from mmbackbones.datasets.formats.folder import Folder
from mmbackbones.datasets.formats.yolo import without_yaml
from mmbackbones.datasets.formats.yolo.darknet import Darknet
from mmbackbones.datasets.formats.yolo.data_yaml import Yolo
from mmbackbones.datasets.formats.yolo.without_yaml import YoloWithoutYaml
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import contents, truth
from tests.helpers.detection_folders import TRUTH, rename, write_image, write_text


@pytest.fixture
def root(tmp_path):
    """images/{train,val,test}, labels/ alike, and classes.txt."""
    folders.yolo(tmp_path / 'user')
    (tmp_path / 'user/data.yaml').unlink()
    write_text(tmp_path / 'user/classes.txt', 'cat\ndog\n')
    return tmp_path / 'user'


@pytest.fixture
def darknet(root):
    (root / 'classes.txt').unlink()
    for split, stems in TRUTH.items():
        write_text(root / f'{split}.txt', ''.join(f'data/images/{split}/{stem}.jpg\n' for stem in stems))
    lines = 'classes= 2\ntrain  = data/train.txt\nvalid  = data/val.txt\nnames = data/obj.names\nbackup = backup/\n'
    write_text(root / 'obj.data', lines)
    write_text(root / 'obj.names', 'cat\ndog\n\n')
    return root


def test_splits(root, out_dir):
    found = find_format(root)
    assert found.splits == {'train': 'images/train/', 'val': 'images/val/', 'test': 'images/test/'}
    for split, part in load_detection(root, out_dir).splits.items():
        assert contents(part) == truth(split)


def test_annotated_images_in_no_split_are_reported(root, out_dir):
    rename(root, 'images/val', 'images/more')
    rename(root, 'labels/val', 'labels/more')
    note = (
        f'{root}: not used: 2 images with label files, such as images/more/b1.jpg, in none of the splits, which are '
        'images/train/, images/test/'
    )
    assert note in load_detection(root, out_dir).notes


def test_no_class_names(root, out_dir):
    (root / 'classes.txt').unlink()
    message = (
        'has label files of YOLO, such as labels/test/c1.txt, but nothing names their classes, whose numbers are 0, 1: '
        'write a file classes.txt there, whose first line names class 0'
    )
    with pytest.raises(UserError, match=re.escape(message)):
        load_detection(root, out_dir)


@pytest.mark.parametrize('place', ['export', 'export/train'])
def test_a_yaml_file_below(place, tmp_path, out_dir):
    folders.yolo_roboflow(tmp_path / 'export')
    rename(tmp_path, 'export/data.yaml', f'{place}/data.yaml')
    # Where its paths lead out of its folder, only the file itself can be named.
    use = f'which {place}/data.yaml describes: use --data .*/{place}/data.yaml'
    with pytest.raises(UserError, match={'export': 'did you mean .*/export[?]'}.get(place, use)):
        load_detection(tmp_path, out_dir)
    assert len(Yolo.open_file(tmp_path / place / 'data.yaml').read('train').data['images']) == len(TRUTH['train'])


@pytest.mark.parametrize('named', [True, False])
def test_no_images(named, root, out_dir):
    shutil.rmtree(root / 'images')
    if not named:
        (root / 'classes.txt').unlink()
    with pytest.raises(UserError, match='such as labels/test/c1.txt, but no images: put them beside'):
        load_detection(root, out_dir)


def test_labels_of_other_names(root, out_dir):
    for file in root.glob('labels/*/*.txt'):
        file.rename(file.with_stem(f'new_{file.stem}'))
    with pytest.raises(
        UserError, match=r'such as labels/test/new_c1\.txt, but no image has one: it must have the name'
    ):
        load_detection(root, out_dir)


@pytest.mark.parametrize('other', ['dog\ncat\n', 'cat\ndog\nbird\n'])
def test_several_lists_of_classes(other, root, out_dir):
    write_text(root / 'labels/train/classes.txt', other)
    if other.startswith('cat'):  # labelImg adds classes at the end
        assert load_detection(root, out_dir).classes == ('cat', 'dog', 'bird')
        return
    with pytest.raises(UserError, match='number classes differently'):
        load_detection(root, out_dir)


@pytest.mark.parametrize(
    ('names', 'message'),
    [
        ('cat\n\ndog\n', r'classes\.txt must name a class in each line, but line 2 is empty'),
        ('cat\n', r'class 1 is not among the 1 name of classes\.txt'),
        ('cat\ncat\n', 'have the same name'),
        ('', r'classes\.txt'),
        ('x' * (5 << 20), 'is too large for a list of class names'),
    ],
)
def test_defects_of_class_names(names, message, root, out_dir):
    write_text(root / 'classes.txt', names)
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)


@pytest.mark.parametrize('name', ['classes.txt', 'train.txt', 'labels/train/classes.txt'])
def test_pipes(name, root, out_dir):
    (root / name).unlink(missing_ok=True)
    os.mkfifo(root / name)
    with pytest.raises(UserError, match=f'{name} is not a readable text file'):
        load_detection(root, out_dir)


def test_captions_are_no_labels(tmp_path):
    write_image(tmp_path / 'a.jpg')
    write_text(tmp_path / 'a.txt', 'a photograph of a cat, 35 mm\n')
    write_text(tmp_path / 'classes.txt', 'cat\n')
    assert not YoloWithoutYaml.match(Folder(tmp_path))
    assert YoloWithoutYaml.explain_mismatch(Folder(tmp_path)) is None


def test_other_formats_are_not_claimed(tmp_path):
    for number, build in enumerate(folders.FORMATS):
        build(tmp_path / str(number))
        write_text(tmp_path / str(number) / 'classes.txt', 'cat\ndog\n')
        assert not YoloWithoutYaml.match(Folder(tmp_path / str(number)))


def test_darknet(darknet, out_dir):
    data = load_detection(darknet, out_dir)
    assert data.format == 'YOLO Darknet'
    assert data.notes == ()
    for split, part in data.splits.items():
        assert contents(part) == truth(split)


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('classes= 2', 'classes= 3', r"classes = '3', but obj\.names has 2: correct one"),
        ('data/obj.names', 'data/pets.names', r'names = .data/pets\.names. is not a file in'),
        ('data/val.txt', 'data/absent.txt', r"'data/absent\.txt', the list of val, is not in"),
        (
            'valid ',
            'val = data/train.txt\nvalid ',
            "has data/train.txt and data/val.txt, which are both the split 'val'",
        ),
    ],
)
def test_defects_of_obj_data(old, new, message, darknet, out_dir):
    write_text(darknet / 'obj.data', (darknet / 'obj.data').read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        load_detection(darknet, out_dir)


def test_lists_that_obj_data_does_not_name(darknet, out_dir):
    """CVAT's data names no validation split unless there is one."""
    write_text(darknet / 'obj.data', 'train = train.txt\nnames = obj.names\nextra = extra.txt\n')
    data = load_detection(darknet, out_dir)
    assert contents(data.splits['val']) == truth('val')
    assert data.notes == (f'{darknet}: not used: extra.txt',)


def test_darknet_without_images(darknet, out_dir):
    shutil.rmtree(darknet / 'images')
    with pytest.raises(
        UserError, match='4 of its 4 images are missing: there are no images, so export the data again with'
    ):
        load_detection(darknet, out_dir)


def test_darknet_with_half_of_its_images(darknet, out_dir):
    for stem in ('a1', 'a2'):
        (darknet / f'images/train/{stem}.jpg').unlink()
    with pytest.raises(
        UserError, match=r"train\.txt: the image 'data/images/train/a1\.jpg' .*; 2 of its 4 images are m"
    ):
        load_detection(darknet, out_dir)


def test_several_data_files(darknet, out_dir):
    shutil.copy(darknet / 'obj.data', darknet / 'b.data')
    with pytest.raises(UserError, match=r'several files in the form of obj\.data: b\.data, obj\.data; keep one'):
        load_detection(darknet, out_dir)


def test_data_files_of_other_kinds(tmp_path):
    write_text(tmp_path / 'a.data', 'x = 1\n')
    (tmp_path / 'b.data').write_bytes(b'\xff=\n')
    os.mkfifo(tmp_path / 'c.data')
    assert not Darknet.match(Folder(tmp_path))


@pytest.mark.parametrize(
    ('images', 'labels'),
    [
        ('photos/{}', 'labels/{}'),
        ('{}/photos', '{}/labels'),
        ('{}', 'labels/{}'),
        ('{}', '{}/Labels'),
        ('images/{}', 'labels'),
        ('{}', 'labels'),
    ],
)
def test_places_of_labels(images, labels, root, out_dir):
    for split in TRUTH:
        (root / f'images/{split}').rename(root / f'was_{split}')
        (root / f'labels/{split}').rename(root / f'old_{split}')
    for split in TRUTH:
        for old, new, suffix in (('was', images, '.jpg'), ('old', labels, '.txt')):
            for file in (root / f'{old}_{split}').iterdir():
                rename(root, f'{old}_{split}/{file.name}', f'{new.format(split)}/{file.stem}{suffix}')
            (root / f'{old}_{split}').rmdir()
    data = load_detection(root, out_dir)
    for split, part in data.splits.items():
        assert contents(part) == truth(split)


def test_one_label_file_of_two_images(root, out_dir):
    shutil.copytree(root / 'labels/train', root / 'labels', dirs_exist_ok=True)
    shutil.rmtree(root / 'labels/train')
    write_image(root / 'images/val/a1.jpg')
    message = 'images/train/a1.jpg and images/val/a1.jpg have the same label file, labels/a1.txt: rename one'
    with pytest.raises(UserError, match=message):
        load_detection(root, out_dir)


def test_only_some_of_many_texts_are_looked_into(tmp_path, monkeypatch):
    looked = []
    monkeypatch.setattr(without_yaml, '_MAX_READ', 5)
    monkeypatch.setattr(without_yaml, 'looks_like_labels', lambda file: looked.append(file) or False)
    for number in range(23):
        write_text(tmp_path / f'{number}.txt', 'a poem')
    assert YoloWithoutYaml.explain_mismatch(Folder(tmp_path)) is None
    assert 3 < len(looked) <= 5


def test_two_images_of_one_name_have_one_label_file(root, out_dir):
    write_image(root / 'images/train/a1.png')
    said = r'images/train/a1\.jpg and images/train/a1\.png have the same label file, labels/train/a1\.txt: rename one'
    with pytest.raises(UserError, match=said):
        load_detection(root, out_dir)


def test_label_files_with_encoded_names(tmp_path, out_dir):
    write_text(tmp_path / 'classes.txt', 'cat\n')
    write_image(tmp_path / 'images/my cat.jpg')
    write_text(tmp_path / 'labels/my%20cat.txt', '0 0.5 0.5 0.5 0.5\n')
    said = r'labels/my%20cat\.txt seems to belong to images/my cat\.jpg: give it the name of its'
    with pytest.raises(UserError, match=said):
        load_detection(tmp_path, out_dir)
