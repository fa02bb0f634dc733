"""Pascal VOC: lists, XML files and their defects."""

import json
import re
from pathlib import Path

import pytest
from PIL import Image

from mmbackbones.datasets import load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import TRUTH, VAL_NAMES, rename, write_image, write_text


def test_difficult_objects_are_crowds(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    file = tmp_path / 'user/Annotations/b2.xml'
    file.write_text(file.read_text().replace('<difficult>0', '<difficult>1', 1))
    content = json.loads(load_detection(tmp_path / 'user', out_dir).splits['val'].ann_file.read_text())
    assert [item['iscrowd'] for item in content['annotations']] == [0, 1, 0]


@pytest.mark.parametrize(
    ('text', 'crowd'), [('True', 1), (' 1 ', 1), ('1.0', 1), ('', 0), ('false', 0), ('Unspecified', 0)]
)
def test_spellings_of_difficult(text, crowd, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    file = tmp_path / 'user/Annotations/b2.xml'
    file.write_text(file.read_text().replace('<difficult>0', f'<difficult>{text}', 1))
    content = json.loads(load_detection(tmp_path / 'user', out_dir).splits['val'].ann_file.read_text())
    assert [item['iscrowd'] for item in content['annotations']] == [0, crowd, 0]


@pytest.mark.parametrize('name', ['a1.csv', 'a1', 'a1.JSON', 'a1/x.jpg'])
def test_other_files_with_the_name_of_an_image(name, tmp_path, out_dir):
    folders.voc(tmp_path)
    write_text(tmp_path / 'JPEGImages' / name, '')
    assert contents(load_detection(tmp_path, out_dir).splits['train']) == truth('train')


def test_subfolders(tmp_path, out_dir):
    folders.voc(tmp_path)
    for folder in ('JPEGImages', 'Annotations'):
        (tmp_path / folder).rename(tmp_path / 'day')
        (tmp_path / folder).mkdir()
        (tmp_path / 'day').rename(tmp_path / folder / 'day')
    for file in tmp_path.glob('ImageSets/Main/*.txt'):
        file.write_text('\n'.join(f'day/{stem}' for stem in file.read_text().split()))
    content = contents(load_detection(tmp_path, out_dir).splits['train'])
    assert content == truth('train')


@pytest.mark.parametrize(
    ('old', 'new', 'message'),
    [
        ('<xmax>24', '<xmax>three', r'a1\.xml: object 1 needs a number for each of xmin'),
        ('<xmax>24', '<xmax>nan', r'a1\.xml: object 1 has the corners 5, 7, nan, 16'),
        ('<xmax>24', '<xmax>2', r'a1\.xml: object 1 .* do not make a box'),
        ('<name>cat</name>', '', r'a1\.xml: object 1 has no name'),
        ('<difficult>0', '<difficult>2', r'a1\.xml: object 1 has <difficult>2</difficult>, which is neither 0 nor 1'),
        ('</annotation>', '', r'a1\.xml is not a readable XML file'),
        ('<annotation>', '<!DOCTYPE a [<!ENTITY b "c">]><annotation>', r'a1\.xml declares a document type'),
    ],
)
def test_defects_of_xml_files(old, new, message, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    file = tmp_path / 'user/Annotations/a1.xml'
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path / 'user', out_dir)


@pytest.mark.parametrize('stem', ['a9', '../../a1'])
def test_a_list_names_a_missing_image(stem, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    write_text(tmp_path / 'user/ImageSets/Main/val.txt', f'b1\n{stem}\n')
    with pytest.raises(UserError, match=rf"val\.txt names '{stem}', but there is no Annotations/{stem}\.xml"):
        load_detection(tmp_path / 'user', out_dir)


VOC_SIZE = '<size><width>{}</width><height>{}</height><depth>3</depth></size>'


def voc_with_size(root: Path, width: object, height: object, stem: str = 'b1') -> None:
    file = root / f'Annotations/{stem}.xml'
    size = VOC_SIZE.format(width, height)
    file.write_text(file.read_text().replace('</filename>', f'</filename>{size}'))


@pytest.mark.parametrize('size', [(64, 48), (0, 0), ('', ''), (64, 0), ('64.0', ' 48 '), (-1, -1)])
def test_sizes_that_agree_or_are_missing(size, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    voc_with_size(tmp_path / 'user', *size)
    assert contents(load_detection(tmp_path / 'user', out_dir).splits['val']) == truth('val')


@pytest.mark.parametrize(
    ('size', 'message'),
    [
        ((128, 96), r'b1\.xml: the image JPEGImages/b1\.png is said to be 128x96 pixels, but its file is 64x48'),
        ((0, 96), r'is said to be [?]x96 pixels, but its file is 64x48'),
        ((48, 64), r'is said to be 48x64 pixels, but its file is 64x48'),
        (('wide', 48), r"b1\.xml: the size of the image, 'wide', is not a number of pixels"),
    ],
)
def test_sizes_that_contradict_the_image(size, message, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    voc_with_size(tmp_path / 'user', *size)
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path / 'user', out_dir)


def test_photographs_turned_by_exif(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    voc_with_size(tmp_path / 'user', 64, 48)
    exif = Image.Exif()
    exif[0x0112] = 8
    (tmp_path / 'user/JPEGImages/b1.png').unlink()
    write_image(tmp_path / 'user/JPEGImages/b1.jpg', exif=exif)
    with pytest.raises(UserError, match=r'b1\.jpg is said to be 64x48 .* turned by its EXIF .* is 48x64; boxes'):
        load_detection(tmp_path / 'user', out_dir)


def test_corners_as_fractions_of_the_image(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    for file in (tmp_path / 'user/Annotations').iterdir():
        text = re.sub(
            r'<(x|y)(min|max)>(\d+)<', lambda found: f'<{found[1]}{found[2]}>{int(found[3]) / 64}<', file.read_text()
        )
        file.write_text(text)
    with pytest.raises(UserError, match='corners of all 9 boxes lie between 0 and 1: they look like fractions'):
        load_detection(tmp_path / 'user', out_dir)


def test_splits_with_some_of_the_classes(tmp_path, out_dir):
    """A model that was trained on three classes can be tested where only one of them occurs."""
    folders.voc(tmp_path / 'user')
    for stem in ('a1', 'a3', 'a4', 'b2', 'c1'):
        (tmp_path / f'user/Annotations/{stem}.xml').write_text('<annotation></annotation>')
    data = load_detection(tmp_path / 'user', out_dir, classes=['ant', 'dog', 'cat'], splits=['val'])
    assert data.classes == ('ant', 'dog', 'cat')
    content = json.loads(data.splits['val'].ann_file.read_text())
    assert [item['name'] for item in content['categories']] == ['ant', 'dog', 'cat']
    assert len({item['id'] for item in content['categories']}) == 3
    assert contents(data.splits['val']) == truth('val') | {'b2': []}
    with pytest.raises(UserError, match="missing: 'ant', 'cat'; unexpected: 'dog'"):
        load_detection(tmp_path / 'user', out_dir, classes=['ant', 'cat'], splits=['val'])


@pytest.mark.parametrize('name', VAL_NAMES)
def test_names_of_the_validation_list(name, tmp_path, out_dir):
    folders.voc(tmp_path)
    rename(tmp_path, 'ImageSets/Main/val.txt', f'ImageSets/Main/{name}.txt')
    for other in ('cat_train', 'cat_val', 'cat_trainval'):  # VOC's own lists of a class
        write_text(tmp_path / f'ImageSets/Main/{other}.txt', 'a1 1\n')
    assert check_val(tmp_path, out_dir) == []
    write_text(tmp_path / 'ImageSets/Main/holdout.txt', 'a1\n')
    assert check_val(tmp_path, out_dir) == [f'{tmp_path}: not used: ImageSets/Main/holdout.txt']


@pytest.mark.parametrize('given', ['train', 'val', 'valid'])
def test_the_rest_of_trainval(given, tmp_path, out_dir):
    folders.voc(tmp_path)
    lists = tmp_path / 'ImageSets/Main'
    parts = {split: (lists / f'{split}.txt').read_text() for split in ('train', 'val')}
    write_text(lists / 'trainval.txt', parts['val'] + parts['train'])
    for split in parts:
        (lists / f'{split}.txt').unlink()
    write_text(lists / f'{given}.txt', parts['train' if given == 'train' else 'val'])
    check_val(tmp_path, out_dir)
    (tmp_path / 'JPEGImages/b1.png').unlink()
    with pytest.raises(UserError, match=f'Main/{"trainval" if given == "train" else given}.txt: the image .b1'):
        load_detection(tmp_path, out_dir)


@pytest.mark.parametrize('place', ['ImageSets/val.txt', 'valid.txt'])
def test_a_list_in_another_place_is_reported(place, tmp_path, out_dir):
    folders.voc(tmp_path)
    rename(tmp_path, 'ImageSets/Main/val.txt', place)
    assert f'{tmp_path}: not used: {place}' in load_detection(tmp_path, out_dir).notes


def test_trainval_alone_is_split(tmp_path, out_dir):
    folders.voc(tmp_path, {'train': TRUTH['train']})
    rename(tmp_path, 'ImageSets/Main/train.txt', 'ImageSets/Main/trainval.txt')
    data = load_detection(tmp_path, out_dir)
    assert contents(data.splits['train']) | contents(data.splits['val']) == truth('train')
    assert 'ImageSets/Main/trainval.txt: no validation split is given' in data.notes[0]
