"""What is said of a path that is no data folder, and of a folder in no known format."""

import os
import re
import shutil
from pathlib import Path

import pytest

from mmbackbones.datasets import load_detection, load_segmentation
from mmbackbones.datasets.formats import census, find_format, has_boxes, has_label_maps
from mmbackbones.datasets.formats.census import take_census
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers import segmentation_folders
from tests.helpers.detection_folders import TRUTH, write_coco, write_image, write_text
from tests.helpers.segmentation_folders import write_labels


def said(path: Path, task: str | None = None) -> str:
    with pytest.raises(UserError) as caught:
        find_format(path, task)
    return str(caught.value)


def without(build, *names: str):
    def write(root: Path) -> None:
        build(root)
        for name in names:
            shutil.rmtree(root / name) if (root / name).is_dir() else (root / name).unlink()

    return write


def hide(root: Path) -> None:
    write_text(root / '.DS_Store', '')


@pytest.mark.parametrize(
    ('build', 'message'),
    [
        (lambda root: None, 'the data folder USER is empty'),
        (hide, 'the data folder USER is empty'),
        (lambda root: (root / 'photos.zip').touch(), 'USER holds nothing but photos.zip: unpack it first'),
        (
            lambda root: [(root / name).touch() for name in ('a.rar', 'b.7z', 'c.tar.gz', 'd.tgz')],
            'USER holds nothing but a.rar, b.7z, c.tar.gz and 1 more: unpack it first',
        ),
        (
            lambda root: [write_image(root / f'day/{number}.JPG') for number in range(3)],
            'USER holds 3 images, but no annotations: annotate them with a labeling tool, such as CVAT, Label Studio '
            'or labelme, and name the folder that it exports',
        ),
        (
            lambda root: [(root / name).touch() for name in ('a.zip', 'README.txt')],
            'USER holds no images, but a.zip: unpack it first',
        ),
        (
            lambda root: [(root / name).touch() for name in ('a.HEIC', 'b.heic', 'a.xml', 'b.xml')],
            'USER holds 2 photographs (.heic), but no image that can be read: convert them to JPEG without changing '
            'their sizes',
        ),
        (
            lambda root: (root / 'a.mp4').touch(),
            'USER holds 1 video (.mp4), but no image that can be read: extract the frames to be trained on, and '
            'annotate them',
        ),
        (
            lambda root: [write_image(root / f'{name}/1.jpg') for name in ('cat', 'dog')],
            'USER holds 2 images, but no annotations (folders named after classes are for image classification): '
            'annotate them with a labeling tool, such as CVAT, Label Studio or labelme, and name the folder that it '
            'exports',
        ),
        (
            without(folders.voc, 'JPEGImages', 'ImageSets'),
            'USER holds 7 XML files, but no images: put the images of these annotations there, such as x.jpg',
        ),
        (
            lambda root: write_labels(root / 'street.png'),
            'USER holds 1 label map, but no images: put the images of these annotations there, such as street.jpg',
        ),
    ],
)
def test_usual_mistakes(build, message, tmp_path):
    (tmp_path / 'user').mkdir()
    build(tmp_path / 'user')
    assert said(tmp_path / 'user') == message.replace('USER', str(tmp_path / 'user'))


@pytest.mark.parametrize('below', ['data', 'data/export'])
def test_a_folder_too_high(below, tmp_path):
    folders.yolo(tmp_path / 'user' / below)
    unknown = f'the data folder {tmp_path}/user is in none of the known formats, but'
    assert said(tmp_path / 'user') == f'{unknown} {below}/ is (YOLO): did you mean {tmp_path}/user/{below}?'
    folders.plain(Path(f'{tmp_path}/user/{below}2'))
    assert said(tmp_path / 'user') == (
        f'{unknown} 2 folders in it are: {below}/ (YOLO), {below}2/ (plain COCO); name one of them'
    )
    assert ' holds boxes ' not in said(tmp_path / 'user', 'label maps')


@pytest.mark.parametrize('part', ['images', 'images/train', 'labels'])
def test_a_folder_too_low(part, tmp_path):
    folders.yolo(tmp_path)
    assert said(tmp_path / part) == f'{tmp_path}/{part} is a part of a data folder (YOLO): did you mean {tmp_path}?'


def test_a_folder_that_only_lies_in_a_data_folder(tmp_path):
    folders.yolo(tmp_path)
    write_image(tmp_path / 'holiday/a.jpg')
    assert said(tmp_path / 'holiday').startswith(f'{tmp_path}/holiday holds 1 image, but no annotations')


@pytest.mark.parametrize(
    ('name', 'message'),
    [
        ('user.zip', 'user.zip is an archive: unpack it first, and name the folder that comes out of it'),
        ('user/images/a1.jpg', 'a1.jpg is an image, not a folder: name its folder USER (plain COCO)'),
        ('user/annotations/train.json', 'train.json is a JSON file, not a folder: name its folder USER (plain COCO)'),
        ('retinanet.py', 'is a Python file, not a data folder: a config goes before the options, as CONFIG'),
        ('user/annotations/x/notes.md', 'notes.md is a file, not a folder: name the folder that holds the images and'),
        ('C:\\data\\pets', 'C:\\data\\pets is a path of Windows, which this system does not know: name the folder as'),
        ('https:/x.org/a.zip', 'https://x.org/a.zip is an address: download it, unpack it, and name the folder'),
        ('usr', 'usr does not exist; did you mean USER?'),
    ],
)
def test_no_folder(name, message, tmp_path):
    folders.plain(tmp_path / 'user')
    if name != 'usr' and ':' not in name:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    assert message.replace('USER', str(tmp_path / 'user')) in said(tmp_path / name)


def test_the_nearest_formats(tmp_path, out_dir):
    folders.voc(tmp_path / 'user')
    (tmp_path / 'user/Annotations').rename(tmp_path / 'user/notes')
    for path in tmp_path.glob('user/notes/*.xml'):
        path.rename(path.with_suffix('.json'))
        path.with_suffix('.json').write_text('{}')
    for load in (load_detection, lambda root, _: find_format(root)):
        with pytest.raises(UserError) as caught:
            load(tmp_path / 'user', out_dir)
        first, nearest, then, more = str(caught.value).splitlines()
        assert first == (
            f'the data folder {tmp_path}/user is in none of the known formats: it holds 7 images, 7 other JSON files, '
            '3 text files, in ImageSets/Main/, JPEGImages/, notes/'
        )
        assert re.match(r'  nearest: Pascal VOC: has .*; lacks .*\(an XML file per image\)', nearest)
        assert then.startswith('  then: ')
        assert 'docs/data_formats.md; a YAML file can say' in more
    with pytest.raises(UserError) as caught:
        load_segmentation(tmp_path / 'user', out_dir)
    assert 'XML' not in str(caught.value)


def test_a_folder_of_other_things(tmp_path):
    (tmp_path / 'user/pictures/day').mkdir(parents=True)
    assert said(tmp_path / 'user') == f'the data folder {tmp_path}/user holds nothing but empty folders'
    (tmp_path / 'user/pictures/day/a.pdf').touch()
    first, more = said(tmp_path / 'user').splitlines()
    assert first == (
        f'the data folder {tmp_path}/user is in none of the known formats: it holds 1 other file (.pdf), in '
        'pictures/day/'
    )
    assert more.startswith('all formats are in `mmbackbones check-data --help`')


def test_kinds_of_files(tmp_path):
    write_image(tmp_path / 'a/photo.png')
    write_image(tmp_path / 'a/photo.webp')
    write_labels(tmp_path / 'a/photo_mask.png')
    write_image(tmp_path / 'masks/colors.png')
    write_labels(tmp_path / 'b/1.png')
    write_coco(tmp_path / 'x.json', TRUTH['train'])
    write_text(tmp_path / 'y/1.json', '{"shapes": [], "imagePath": "1.jpg"}')
    write_text(tmp_path / 'z.json', '{}')
    write_text(tmp_path / '1.txt', '0 0.5 0.5 0.1 0.1\n')
    for name in ('a.xml', 'a.csv', 'a.yaml', 'y/a.txt', 'a.zip', 'a.mp4', '.hidden'):
        (tmp_path / name).touch()
    os.mkfifo(tmp_path / 'pipe.json')
    os.mkfifo(tmp_path / 'b/0.png')
    os.symlink(tmp_path, tmp_path / 'loop')
    assert take_census(tmp_path).describe() == (
        '3 images, 3 label maps, 1 COCO file, 1 labelme file, 1 YOLO label file, 1 XML file, 1 CSV file, '
        '2 other JSON files, 1 YAML file, 1 text file, 1 archive, 1 other file (.mp4)'
    )


def test_many_files_of_a_folder_are_told_by_some(tmp_path, monkeypatch):
    opened = []
    monkeypatch.setattr(census, 'json_kind', lambda path: opened.append(path) or 'labelme')
    for number in range(30):
        write_text(tmp_path / f'a/{number}.json', '')
    assert take_census(tmp_path).describe() == '30 labelme files'
    assert len(opened) == census.SAMPLES


def test_a_large_folder(tmp_path, monkeypatch):
    monkeypatch.setattr(census, 'MAX_PER_FOLDER', 5)
    monkeypatch.setattr(census, 'MAX_ENTRIES', 8)
    for number in range(20):
        write_image(tmp_path / f'a/{number}.jpg')
        write_image(tmp_path / f'b/{number}.jpg')
    found = take_census(tmp_path)
    assert not found.complete
    assert found.describe() == 'at least 6 images'
    assert said(tmp_path).startswith(f'{tmp_path} holds at least 6 images, but no annotations')


def test_names_are_printable(tmp_path):
    write_text(tmp_path / 'x.xml', '<annotation><filename>a\x1b[31m.jpg</filename></annotation>')
    assert r'such as a\x1b[31m.jpg' in said(tmp_path)


def test_signs():
    found = census.Census({'image': ['images/day/a.JPG', 'x[1].png']}, ['images', 'images/day'], True)
    for sign in (
        'images/',
        '*/',
        'images/**/*.jpg',
        '**/*.jpg',
        'Images/*/',
        '*.png',
        'images/**/a.*',
        'x[[]1].png',
        '*.jpg',
    ):
        assert found.has(sign), sign
    for sign in ('day/', 'images/*.jpg', '*.txt', 'images', 'a.JPG'):
        assert not found.has(sign), sign


@pytest.mark.parametrize('build', [folders.plain, segmentation_folders.ade])
def test_the_other_task(build, tmp_path):
    build(tmp_path)
    task = 'label maps' if build is folders.plain else 'boxes'
    message = said(tmp_path, task)
    assert re.search(rf'holds .*, but a \w+ needs {task}; all formats are in `mmbackbones check-data --help`', message)


@pytest.mark.parametrize('look', [find_format, has_boxes, has_label_maps])
def test_the_whole_file_system_is_not_searched(look):
    with pytest.raises(UserError, match='is the whole file system, not a data folder'):
        look(Path(Path.cwd().anchor))
