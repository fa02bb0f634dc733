"""Each layout gives the same data set, in files that MMDetection and pycocotools can use; the folder stays as it is."""

import hashlib
import json
import re
from pathlib import Path

import pytest
from PIL import Image

from mmbackbones.datasets import has_boxes, load_detection
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.coco_contents import contents, truth
from tests.helpers.detection_folders import CLASSES, TRUTH, write_coco, write_image, write_text

LAYOUTS = {
    folders.coco_2017: 'COCO 2017',
    folders.plain: 'plain COCO',
    folders.plain_in_split_folders: 'plain COCO',
    folders.roboflow: 'Roboflow COCO',
    folders.voc: 'Pascal VOC',
    folders.yolo: 'YOLO',
    folders.yolo_roboflow: 'YOLO',
}


def tree(root: Path) -> dict[str, str]:
    files = (path for path in sorted(root.rglob('*')) if path.is_file())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.parametrize(('build', 'layout'), LAYOUTS.items(), ids=lambda item: getattr(item, '__name__', ''))
def test_every_layout_gives_the_same_data(build, layout, tmp_path, out_dir):
    root = tmp_path / 'user'
    build(root)
    before = tree(root)
    data = load_detection(root, out_dir)
    assert data.format == layout
    assert data.classes == CLASSES
    assert list(data.splits) == (['train', 'val'] if layout == 'COCO 2017' else ['train', 'val', 'test'])
    for name, split in data.splits.items():
        assert contents(split) == truth(name)
        assert (split.images, split.boxes) == (len(TRUTH[name]), sum(map(len, TRUTH[name].values())))
        assert split.ann_file.is_absolute()
        assert split.image_dir.is_absolute()
    assert f'{layout}, 2 classes; train 4 images, 4 boxes; val 2 images, 3 boxes' in data.notes[0]
    assert out_dir.exists() == (layout not in ('COCO 2017', 'plain COCO'))
    assert tree(root) == before


@pytest.mark.parametrize('name', ['annotations/everything.json', 'trainval.json'])
def test_one_file_is_divided_80_20(name, tmp_path, out_dir):
    folders.one_file(tmp_path / 'user', name)
    data = load_detection(tmp_path / 'user', out_dir)
    parts = {split: contents(item) for split, item in data.splits.items()}
    assert {split: len(part) for split, part in parts.items()} == {'train': 6, 'val': 1}
    assert parts['train'] | parts['val'] == truth('train') | truth('val') | truth('test')
    assert '80/20 by a fixed seed: train (6 images) and val (1 images)' in data.notes[1]


def test_division_depends_on_file_names_alone(tmp_path, out_dir):
    folders.one_file(tmp_path / 'user', 'trainval.json')
    first = contents(load_detection(tmp_path / 'user', out_dir).splits['val'])
    file = tmp_path / 'user/trainval.json'
    content = json.loads(file.read_text())
    content['images'].reverse()
    file.write_text(json.dumps(content))
    assert contents(load_detection(tmp_path / 'user', out_dir, splits=['val']).splits['val']) == first


def _remove_val(root: Path) -> None:
    for path in [*root.glob('annotations/*_val2017.json'), *root.glob('annotations/val.json'), *root.glob('valid/_*')]:
        path.unlink()
    if (main := root / 'ImageSets/Main').is_dir():
        (main / 'trainval.txt').write_text((main / 'train.txt').read_text())
        (main / 'train.txt').unlink()
        (main / 'val.txt').unlink()
    if (file := root / 'data.yaml').is_file():  # val the same as train
        file.write_text(file.read_text().replace('images/val', 'images/train').replace('valid/images', 'train/images'))


@pytest.mark.parametrize('build', LAYOUTS)
def test_train_without_val_is_divided(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    _remove_val(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir)
    assert contents(data.splits['train']) | contents(data.splits['val']) == truth('train')
    assert any('80/20' in note for note in data.notes)


@pytest.mark.parametrize('build', LAYOUTS)
def test_files_list_categories_in_the_order_asked_for(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir, classes=CLASSES[::-1], splits=['val'])
    assert data.classes == CLASSES[::-1]
    assert list(data.splits) == ['val']
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert tuple(category['name'] for category in listed) == CLASSES[::-1]
    assert contents(data.splits['val']) == truth('val')


@pytest.mark.parametrize('build', LAYOUTS)
def test_other_classes_than_asked_for(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    with pytest.raises(UserError, match="the classes of the model: it lacks 'cow' and it has besides 'dog'"):
        load_detection(tmp_path / 'user', out_dir, classes=['cat', 'cow'])


def test_category_and_image_ids_stay(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    split = load_detection(tmp_path / 'user', out_dir, classes=['dog', 'cat']).splits['train']
    content = json.loads(split.ann_file.read_text())
    assert {item['name']: item['id'] for item in content['categories']} == {'cat': 0, 'dog': 2}
    assert [image['id'] for image in content['images']] == [0, 1, 2, 3]


def test_splits_restrict_the_check(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    (tmp_path / 'user/annotations/train.json').write_text('broken')
    assert list(load_detection(tmp_path / 'user', out_dir, CLASSES, ['test']).splits) == ['test']
    with pytest.raises(UserError, match=r'train\.json is not a readable JSON file'):
        load_detection(tmp_path / 'user', out_dir, CLASSES)


def test_splits_that_are_not_there(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    assert list(load_detection(tmp_path / 'user', out_dir, splits=['test', 'other']).splits) == ['test']
    with pytest.raises(UserError, match='has no split other, only train, val, test'):
        load_detection(tmp_path / 'user', out_dir, splits=['other'])
    (tmp_path / 'user/annotations/train.json').unlink()
    for splits in (None, ['train', 'val']):
        with pytest.raises(UserError, match='has no split train, only val, test'):
            load_detection(tmp_path / 'user', out_dir, splits=splits)
    assert list(load_detection(tmp_path / 'user', out_dir, splits=['val']).splits) == ['val']


# What is particular to one layout


def test_roboflow_parent_with_the_name_of_a_class(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.roboflow(root)
    for file in root.glob('*/_annotations.coco.json'):
        file.write_text(file.read_text().replace('"pets"', '"cat"'))
    data = load_detection(root, out_dir)
    assert data.classes == CLASSES
    assert contents(data.splits['train']) == truth('train')
    assert sum("category 'cat' (id 0)" in note for note in data.notes) == 1


def test_roboflow_class_0_with_boxes_is_kept(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.roboflow(root)
    file = root / 'valid/_annotations.coco.json'
    content = json.loads(file.read_text())
    content['annotations'][0]['category_id'] = 0
    file.write_text(json.dumps(content))
    data = load_detection(root, out_dir)
    assert data.classes == ('pets', *CLASSES)
    assert data.splits['val'].ann_file == file


def test_voc_difficult_objects_are_ignored(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    file = tmp_path / 'user/Annotations/b2.xml'
    file.write_text(file.read_text().replace('<difficult>0', '<difficult>1', 1))
    content = json.loads(load_detection(tmp_path / 'user', out_dir).splits['val'].ann_file.read_text())
    assert [item['iscrowd'] for item in content['annotations']] == [0, 1, 0]


@pytest.mark.parametrize(
    ('text', 'crowd'), [('True', 1), (' 1 ', 1), ('1.0', 1), ('', 0), ('false', 0), ('Unspecified', 0)]
)
def test_voc_ways_to_say_difficult(text, crowd, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    file = tmp_path / 'user/Annotations/b2.xml'
    file.write_text(file.read_text().replace('<difficult>0', f'<difficult>{text}', 1))
    content = json.loads(load_detection(tmp_path / 'user', out_dir).splits['val'].ann_file.read_text())
    assert [item['iscrowd'] for item in content['annotations']] == [0, crowd, 0]


@pytest.mark.parametrize('name', ['a1.csv', 'a1', 'a1.JSON', 'a1/x.jpg'])
def test_voc_other_files_called_like_an_image(name, tmp_path, out_dir):
    folders.voc(tmp_path)
    write_text(tmp_path / 'JPEGImages' / name, '')
    assert contents(load_detection(tmp_path, out_dir).splits['train']) == truth('train')


def test_voc_in_subfolders(tmp_path, out_dir):
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
def test_voc_defects(old, new, message, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    file = tmp_path / 'user/Annotations/a1.xml'
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path / 'user', out_dir)


@pytest.mark.parametrize('stem', ['a9', '../../a1'])
def test_voc_list_names_an_image_that_is_not_there(stem, tmp_path, out_dir):
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
def test_voc_sizes_that_say_the_same_or_nothing(size, tmp_path, out_dir):
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
def test_voc_sizes_that_contradict_the_file(size, message, tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    voc_with_size(tmp_path / 'user', *size)
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path / 'user', out_dir)


def test_voc_photographs_turned_by_exif(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    voc_with_size(tmp_path / 'user', 64, 48)
    exif = Image.Exif()
    exif[0x0112] = 8
    (tmp_path / 'user/JPEGImages/b1.png').unlink()
    write_image(tmp_path / 'user/JPEGImages/b1.jpg', exif=exif)
    with pytest.raises(UserError, match=r'b1\.jpg is said to be 64x48 .* turned by its EXIF .* is 48x64; boxes'):
        load_detection(tmp_path / 'user', out_dir)


def test_voc_corners_as_shares(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    for file in (tmp_path / 'user/Annotations').iterdir():
        text = re.sub(
            r'<(x|y)(min|max)>(\d+)<', lambda found: f'<{found[1]}{found[2]}>{int(found[3]) / 64}<', file.read_text()
        )
        file.write_text(text)
    with pytest.raises(UserError, match='corners of all 9 boxes lie between 0 and 1: they look like fractions'):
        load_detection(tmp_path / 'user', out_dir)


def test_voc_parts_with_some_of_the_classes(tmp_path, out_dir):
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
    with pytest.raises(UserError, match="lacks 'ant', 'cat' and it has besides 'dog'"):
        load_detection(tmp_path / 'user', out_dir, classes=['ant', 'cat'], splits=['val'])


@pytest.mark.parametrize('build', LAYOUTS)
def test_parts_with_some_of_the_classes_in_any_layout(build, tmp_path, out_dir):
    build(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir, classes=['dog', 'bird', 'cat', 'cow'], splits=['val'])
    listed = json.loads(data.splits['val'].ann_file.read_text())['categories']
    assert [category['name'] for category in listed] == ['dog', 'bird', 'cat', 'cow']
    assert contents(data.splits['val']) == truth('val')


@pytest.mark.parametrize('build', LAYOUTS)
@pytest.mark.parametrize('way', ['there/../user', './user/../../{name}/user', 'link/../user', 'linked'])
def test_ways_with_two_dots_and_links(build, way, tmp_path, out_dir, monkeypatch):
    """`link/..` is the parent of where the link leads, not of where the link is."""
    build(tmp_path / 'deep/user')
    (tmp_path / 'deep/there').mkdir()
    (tmp_path / 'deep/link').symlink_to(tmp_path / 'deep/there')
    (tmp_path / 'link').symlink_to(tmp_path / 'deep/there')
    (tmp_path / 'linked').symlink_to(tmp_path / 'deep/user')
    monkeypatch.chdir(tmp_path if way.startswith('link') else tmp_path / 'deep')
    root = Path(way.format(name='deep'))
    for folder in (root, root.absolute()):
        assert has_boxes(folder)
        assert contents(load_detection(folder, out_dir).splits['val']) == truth('val')


@pytest.mark.parametrize('way', ['{root}/images/train', 'here/../images/train', 'images\\train', '.\\images\\train'])
def test_ways_in_yolo_files(way, tmp_path, out_dir):
    """Also of a folder that is reached by a link, while its files name the real place."""
    folders.yolo(tmp_path / 'real')
    (tmp_path / 'real/here').mkdir()
    (tmp_path / 'user').symlink_to('real')
    entry = way.format(root=tmp_path / 'real')
    for train in (entry, 'train.txt'):
        write_text(tmp_path / 'real/data.yaml', f'train: {train}\nval: images/val\nnames: [cat, dog]\n')
        slash = '\\' if '\\' in way else '/'
        write_text(tmp_path / 'real/train.txt', ''.join(f'{entry}{slash}{stem}.jpg\n' for stem in TRUTH['train']))
        for root in (tmp_path / 'user', tmp_path / 'real'):
            assert contents(load_detection(root, out_dir).splits['train']) == truth('train')


def test_yolo_polygons(tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_text(tmp_path / 'user/labels/val/b1.txt', '1 0.25 0.25 0.75 0.25 0.25 0.75\n')
    content = json.loads(load_detection(tmp_path / 'user', out_dir).splits['val'].ann_file.read_text())
    first = content['annotations'][0]
    assert first['bbox'] == [16, 12, 32, 24]
    assert first['segmentation'] == [[16, 12, 48, 12, 16, 36]]
    assert first['area'] == 32 * 24 / 2


@pytest.mark.parametrize(
    ('row', 'message'),
    [
        ('0 0.5 0.5 x 0.1', 'is not a row of numbers'),
        ('0 0.5 0.5 nan 0.1', 'must be fractions of the image'),
        ('0 320 240 20 20', 'must be fractions of the image'),
        ('0 0.5 0.5 -0.1 0.1', 'width and height must not be negative'),
        ('0 0.5 0.5 0.1', 'a row is "class cx cy w h" or'),
        ('7 0.5 0.5 0.1 0.1', 'class 7 is not among the 2 names'),
        ('0.5 0.5 0.5 0.1 0.1', 'class 0.5 is not among the 2 names'),
    ],
)
def test_yolo_rows_that_make_no_box(row, message, tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_text(tmp_path / 'user/labels/train/a1.txt', f'0 0.5 0.5 0.1 0.1\n\n{row}\n')
    with pytest.raises(UserError, match=rf'a1\.txt, line 3: .*{message}'):
        load_detection(tmp_path / 'user', out_dir)


@pytest.mark.parametrize(
    ('yaml', 'message'),
    [
        ('train: images/train\nval: images/val\n', '"names" must be a list'),
        ('train: images/train\nval: images/val\nnames: [cat, yes]\n', 'class name True must be text'),
        ('train: images/train\nval: images/x\nnames: [cat, dog]\n', '"val" is \'images/x\', which is neither a folder'),
        (
            'train: ../outside\nval: images/val\nnames: [cat, dog]\n',
            '"train" is \'../outside\', which is neither a folder',
        ),
        ('names: [cat, dog]\n', 'names no images'),
        ('names: [cat, dog\n', 'is not readable YAML'),
        ('train: list.txt\nval: images/val\nnames: [cat, dog]\n', "'../outside/a.jpg' is not inside"),
        ('a list', 'must hold "names"'),
    ],
)
def test_yolo_files_that_say_nothing(yaml, message, tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_image(tmp_path / 'outside/a.jpg')
    write_text(tmp_path / 'user/list.txt', '../outside/a.jpg\n')
    write_text(tmp_path / 'user/data.yaml', yaml)
    with pytest.raises(UserError, match=message):
        load_detection(tmp_path / 'user', out_dir)


def test_yolo_lists_of_images_and_of_folders(tmp_path, out_dir):
    root = tmp_path / 'user'
    folders.yolo(root)
    write_text(root / 'train.txt', ''.join(f'./images/train/{stem}.jpg\n' for stem in TRUTH['train']))
    yaml = 'train: train.txt\nval: [images/val, images/test]\ntest: ../test/images\nnames: [cat, dog]\n'
    write_text(root / 'data.yaml', yaml)
    data = load_detection(root, out_dir)
    assert contents(data.splits['train']) == truth('train')
    assert contents(data.splits['val']) == truth('val') | truth('test')
    assert any('../test/images, named as its test split, is not there' in note for note in data.notes)


def test_yolo_hidden_files_are_no_images(tmp_path, out_dir):
    folders.yolo(tmp_path / 'user')
    write_text(tmp_path / 'user/images/train/._a1.jpg', 'what macOS leaves behind')
    assert contents(load_detection(tmp_path / 'user', out_dir).splits['train']) == truth('train')


# Which layout it is


def test_a_folder_of_boxes_and_masks_has_boxes(tmp_path, out_dir):
    root = tmp_path / 'user'
    for split, folder in {'train': 'training', 'val': 'validation'}.items():
        write_coco(root / f'annotations/{split}.json', TRUTH[split], file_name=f'{folder}/{{}}.jpg')
        for stem in TRUTH[split]:
            write_image(root / 'images' / folder / f'{stem}.jpg')
            write_image(root / 'annotations' / folder / f'{stem}.png')
    data = load_detection(root, out_dir)
    assert data.format == 'plain COCO'
    assert contents(data.splits['val']) == truth('val')


def test_masks_are_not_boxes(tmp_path, out_dir):
    for kind in ('images', 'annotations'):
        write_image(tmp_path / 'user' / kind / 'training/1.png')
    with pytest.raises(UserError, match=r'holds label maps \(ADE20K\), but a detector needs boxes'):
        load_detection(tmp_path / 'user', out_dir)


def test_several_files_of_unknown_meaning(tmp_path, out_dir):
    for name in ('a', 'b'):
        folders.one_file(tmp_path / 'user', f'annotations/{name}.json')
    with pytest.raises(UserError, match=r'several annotation files \(a\.json, b\.json\)'):
        load_detection(tmp_path / 'user', out_dir)


def test_no_layout(tmp_path, out_dir):
    (tmp_path / 'user').mkdir()
    with pytest.raises(
        UserError, match=r'(?s)user is in none of the known formats.*Roboflow COCO: .*Pascal VOC: .*YOLO: '
    ):
        load_detection(tmp_path / 'user', out_dir)


def test_no_folder(tmp_path, out_dir):
    with pytest.raises(UserError, match='nowhere does not exist'):
        load_detection(tmp_path / 'nowhere', out_dir)


def test_links_are_followed(tmp_path, out_dir):
    folders.plain(tmp_path / 'elsewhere')
    (tmp_path / 'user').mkdir()
    for name in ('annotations', 'images'):
        (tmp_path / 'user' / name).symlink_to(tmp_path / 'elsewhere' / name)
    assert contents(load_detection(tmp_path / 'user', out_dir).splits['train']) == truth('train')
