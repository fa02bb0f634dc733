"""What was read, written as plain COCO and in ADE20K's layout, and read again."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO

from mmbackbones.apis import check_data
from mmbackbones.datasets import DetectionData, convert, load_detection, load_segmentation
from mmbackbones.errors import Terminated, UserError
from tests.helpers import detection_folders as folders
from tests.helpers.detection_folders import TRUTH, write_coco, write_image
from tests.helpers.exports.every import BOXES, LABEL_MAPS
from tests.helpers.exports.plain import plain_coco_with_masks
from tests.helpers.exports.table import Export
from tests.helpers.files import read_files
from tests.helpers.painted import CLASSES as PAINTED
from tests.helpers.painted import COLORS, SCENES_WITH_MASKS, SHARE, check_boxes, check_label_maps, has_color
from tests.helpers.segmentation_folders import CLASSES, LABELS, ade, listed, stems, write_labels


def first_of_each(exports: list[Export]) -> list[Export]:
    """An export in each format, and another one with masks."""
    chosen = {export.format: export for export in reversed(exports)}
    return [*chosen.values(), *(export for export in exports if export.write is plain_coco_with_masks)]


def boxes_of(data: DetectionData) -> dict:
    """split -> content of each image -> its boxes and masks."""
    found = {}
    for split, part in data.splits.items():
        content = json.loads(part.ann_file.read_text(encoding='utf-8'))
        names = {item['id']: item['name'] for item in content['categories']}
        assert tuple(names.values()) == data.classes
        images = {item['id']: (part.image_dir / item['file_name']).read_bytes() for item in content['images']}
        found[split] = {image: [] for image in images.values()}
        for item in content['annotations']:
            values = names[item['category_id']], item['bbox'], item['iscrowd'], item.get('segmentation'), item['area']
            found[split][images[item['image_id']]].append(values)
    return found


@pytest.mark.parametrize('export', first_of_each(BOXES), ids=lambda export: export.name)
def test_boxes(export, tmp_path, out_dir):
    export.write(tmp_path / 'user')
    before = read_files(tmp_path / 'user')
    report = check_data(tmp_path / 'user', convert=tmp_path / 'plain')
    assert read_files(tmp_path / 'user') == before
    written, read = load_detection(tmp_path / 'plain', out_dir / 'b'), load_detection(tmp_path / 'user', out_dir / 'a')
    assert written.format == 'plain COCO'
    assert written.classes == read.classes
    assert boxes_of(written) == boxes_of(read)
    if not export.divided:
        check_boxes(written, export.scenes)
    assert not written.notes
    for split in written.splits:
        with open(os.devnull, 'w') as quiet, pytest.MonkeyPatch.context() as patch:
            patch.setattr('sys.stdout', quiet)
            coco = COCO(str(tmp_path / f'plain/annotations/{split}.json'))
        assert len(coco.getAnnIds()) == report.boxes.objects[split]
    assert str(report).splitlines()[-1].startswith(f'written to {tmp_path}/plain: plain COCO, train ')


@pytest.mark.parametrize('export', first_of_each(LABEL_MAPS), ids=lambda export: export.name)
def test_label_maps_of_other_formats(export, tmp_path, out_dir):
    export.write(tmp_path / 'user')
    report = check_data(tmp_path / 'user', label_maps=True, convert=tmp_path / 'new')
    written = load_segmentation(tmp_path / 'new', out_dir, background='ignore')
    assert written.format == 'ADE20K'
    assert written.classes == report.label_maps.classes
    scenes = export.scenes
    if export.divided:  # the split is in the folders now
        every = [scene for listed in scenes.values() for scene in listed]
        names = {split: ' '.join(stems(written, split)) for split in written.splits}
        scenes = {split: [scene for scene in every if scene.stem in text] for split, text in names.items()}
    check_label_maps(written, scenes, export.background, False, export.called)


def test_repairs_are_written(tmp_path, out_dir):
    """Those that MMDetection makes itself in a file that is used in place, too."""
    folders.plain(tmp_path / 'user')
    file = tmp_path / 'user/annotations/train.json'
    content = json.loads(file.read_text())
    content['annotations'][0]['bbox'] = [1, 1, 0, 5]
    content['annotations'][1]['ignore'] = 1
    file.write_text(json.dumps(content))
    assert load_detection(tmp_path / 'user', out_dir).splits['train'].ann_file == file
    report = check_data(tmp_path / 'user', convert=tmp_path / 'plain')
    annotations = json.loads((tmp_path / 'plain/annotations/train.json').read_text())['annotations']
    assert len(annotations) == len(content['annotations']) - 1
    assert annotations[0]['iscrowd'] == 1
    again = check_data(tmp_path / 'plain')
    assert (again.boxes.images, again.boxes.objects) == (report.boxes.images, report.boxes.objects)


def test_label_maps(tmp_path, out_dir):
    ade(tmp_path / 'user')
    report = check_data(tmp_path / 'user', convert=tmp_path / 'new')
    for path, content in read_files(tmp_path / 'user').items():
        if path.endswith('.png'):
            written = Path(path.replace('/user/', '/new/'))
            assert np.array_equal(np.array(Image.open(written)), np.array(Image.open(path)))
            assert content
    assert (tmp_path / 'new/classes.txt').read_text() == 'road\ncar\ntree\n'
    assert load_segmentation(tmp_path / 'new', out_dir).classes == CLASSES
    assert report.written == (
        f"written to {tmp_path}/new: ADE20K's layout, training 4 images, validation 2 images; label n is line n of "
        'classes.txt, and 0 is ignored (--background ignore); 6 images hard-linked',
    )


@pytest.mark.parametrize('options', [dict(background='class'), dict(background='class', ignore_label=2)])
def test_numbered_from_0(tmp_path, out_dir, options):
    ade(tmp_path / 'user')
    for path in tmp_path.glob('user/annotations/*/*.png'):
        write_labels(path, np.where(LABELS == 3, 255, LABELS).astype(np.uint8 if path.stem < 'b' else np.uint16))
    check_data(tmp_path / 'user', convert=tmp_path / 'new', **options)
    read = load_segmentation(tmp_path / 'user', out_dir / 'a', **options)
    written = load_segmentation(tmp_path / 'new', out_dir / 'b', background='ignore')
    assert written.classes == read.classes
    ignored = [options.get('ignore_label', 255), 255]

    for split in ('train', 'val'):
        before, after = dict(listed(read, split)), dict(listed(written, split))
        assert len(before) == len(after)
        for (image, path), (other, new) in zip(before.items(), after.items(), strict=True):
            assert Path(image).name == Path(other).name
            labels = np.array(Image.open(path))
            assert np.array_equal(np.array(Image.open(new)), np.where(np.isin(labels, ignored), 0, labels + 1))


def test_both_side_by_side(shapes, tmp_path, out_dir):
    report = check_data(shapes, convert=tmp_path / 'new')
    assert [line.split(': ')[1].split(',')[0] for line in report.written] == ["ADE20K's layout", 'plain COCO']
    again = check_data(tmp_path / 'new')
    assert (again.boxes.objects, again.boxes.classes) == (report.boxes.objects, report.boxes.classes)
    assert (again.label_maps.images, again.label_maps.classes) == (report.label_maps.images, report.label_maps.classes)
    alone = check_data(shapes, label_maps=True, convert=tmp_path / 'maps')
    assert alone.boxes is None
    assert not list(tmp_path.glob('maps/annotations/*.json'))


def test_masks_of_objects_as_label_maps(tmp_path, out_dir):
    plain_coco_with_masks(tmp_path / 'user')
    report = check_data(tmp_path / 'user', label_maps=True, convert=tmp_path / 'new')
    assert report.boxes is None
    assert report.label_maps.format == 'object masks'
    assert check_data(tmp_path / 'user').label_maps is None
    data = load_segmentation(tmp_path / 'new', out_dir)
    assert data.classes == ('background', 'cat', 'dog', 'bird')
    scenes = {scene.stem: scene for listed in SCENES_WITH_MASKS.values() for scene in listed}
    for split in SCENES_WITH_MASKS:
        for image, path in listed(data, split):
            pixels, labels = np.array(Image.open(image).convert('RGB')), np.array(Image.open(path))
            assert labels.min() == 1
            for number, name in enumerate(PAINTED, 2):
                if any(item.name == name for item in scenes[Path(image).stem].objects):
                    assert has_color(pixels[labels == number], COLORS[name]).mean() > SHARE


def test_names(tmp_path, out_dir):
    """They are unique in any case, lead nowhere, and are possible on every system."""
    root = tmp_path / 'user'
    names = [
        'a/1.jpg',
        'A/1.jpg',
        'a/1.png',
        '../outside/1.jpg',
        '.hidden.jpg',
        'what?:1.jpg',
        './a//2.jpg',
        'b/../3.jpg',
    ]
    for index, name in enumerate(names):
        (root / 'images/b').mkdir(parents=True, exist_ok=True)
        write_image(root / 'images' / name, (64, 48 + index))
    content = folders.coco({key: [('cat', 1, 1, 5, 5), ('dog', 2, 2, 5, 5)] for key in names}, file_name='{}')
    for index, image in enumerate(content['images']):
        image['height'] += index
    for split in ('train', 'val'):
        folders.write_text(root / f'annotations/{split}.json', json.dumps(content))
    check_data(root, convert=tmp_path / 'new')
    written = json.loads((tmp_path / 'new/annotations/val.json').read_text())['images']
    assert [image['file_name'] for image in written] == [
        'a/1.jpg', 'A/1_2.jpg', 'a/1.png', 'outside/1.jpg', '_.hidden.jpg', 'what__1.jpg', 'a/2.jpg', '3.jpg'
    ]  # fmt: skip
    assert boxes_of(load_detection(tmp_path / 'new', out_dir / 'a')) == boxes_of(load_detection(root, out_dir / 'b'))


def test_names_that_differ_in_their_suffix_alone(tmp_path):
    names = convert._Names(tmp_path / 'out', by_stem=True)
    for name in ('a.jpg', 'a.png', 'x.jpeg2'):
        write_image(tmp_path / name, format='PNG')
    assert names.link(tmp_path / 'a.jpg', 'a.jpg') == 'a.jpg'
    assert names.link(tmp_path / 'a.png', 'a.png') == 'a_2.png'
    assert names.link(tmp_path / 'a.jpg', 'a.jpg') == 'a.jpg'
    assert names.link(tmp_path / 'x.jpeg2', b'\xff.jpeg2'.decode(errors='surrogateescape')) == '_.jpeg2.png'
    assert names.ways == {'hard-linked': 3}


def test_images_are_copied_where_no_link_is_possible(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(18, 'Invalid cross-device link')

    folders.plain(tmp_path / 'user')
    monkeypatch.setattr(os, 'link', refuse)
    report = check_data(tmp_path / 'user', convert=tmp_path / 'new')
    assert report.written[0].endswith('; 7 images copied')


def test_links_lead_to_the_image(tmp_path):
    """Not to a symlink, which would break with the folder that it is in."""
    folders.plain(tmp_path / 'user')
    (tmp_path / 'user/images/a1.jpg').rename(tmp_path / 'a1.jpg')
    (tmp_path / 'user/images/a1.jpg').symlink_to(tmp_path / 'a1.jpg')
    check_data(tmp_path / 'user', convert=tmp_path / 'new')
    assert not (tmp_path / 'new/images/train/a1.jpg').is_symlink()
    assert (tmp_path / 'new/images/train/a1.jpg').samefile(tmp_path / 'a1.jpg')


@pytest.mark.parametrize(
    ('out', 'message'),
    [
        ('user/new', r'--convert: .*/user/new lies in the data folder .*/user, to which nothing is written'),
        ('user', r'--convert: .*/user is not empty: name a new folder'),
        ('', r'--convert: .* is not empty: name a new folder'),
        ('link/new', r'--convert: .*/user/new lies in the data folder'),
        ('into', r'--convert: .*/user/new lies in the data folder'),
        ('file', r'--convert: .*/file is there already and is no folder'),
        ('file/new', r'--convert: cannot write to .*/file: name another folder'),
    ],
)
def test_wrong_places(out, message, tmp_path):
    folders.plain(tmp_path / 'user')
    (tmp_path / 'link').symlink_to(tmp_path / 'user')
    (tmp_path / 'into').symlink_to(tmp_path / 'user/new')
    (tmp_path / 'file').touch()
    before = read_files(tmp_path)
    with pytest.raises(UserError, match=message):
        check_data(tmp_path / 'user', convert=f'{tmp_path}/{out}')
    assert read_files(tmp_path) == before


def test_a_link_to_an_empty_folder(tmp_path):
    folders.plain(tmp_path / 'user')
    (tmp_path / 'new').mkdir()
    (tmp_path / 'link').symlink_to('new')
    check_data(tmp_path / 'user', convert=tmp_path / 'link')
    assert (tmp_path / 'link').is_symlink()
    assert check_data(tmp_path / 'new').boxes.images == {'train': 4, 'val': 2, 'test': 1}


def test_the_label_maps_that_a_yaml_file_names(tmp_path):
    for stem in ('a', 'b', 'c'):
        write_image(tmp_path / f'photos/{stem}.jpg', (12, 8))
        write_labels(tmp_path / f'labels/{stem}.png')
    (tmp_path / 'my.yaml').write_text('train: {images: photos, masks: labels}\nclasses: {0: a, 1: b, 2: c, 3: d}\n')
    with pytest.raises(UserError, match='--convert: .*/labels/new is among the files of the data, in .*/labels'):
        check_data(tmp_path / 'my.yaml', convert=tmp_path / 'labels/new')
    assert not list(tmp_path.glob('labels/*new*'))


def test_the_images_that_a_yaml_file_names(tmp_path):
    write_coco(tmp_path / 'all.json', TRUTH['train'])
    for stem in TRUTH['train']:
        write_image(tmp_path / f'photos/{stem}.jpg')
    (tmp_path / 'my.yaml').write_text('train: {images: photos, annotations: all.json}\n')
    with pytest.raises(UserError, match='--convert: .*/photos/new is among the files of the data, in .*/photos'):
        check_data(tmp_path / 'my.yaml', convert=tmp_path / 'photos/new')
    assert not list(tmp_path.glob('photos/*new*'))
    (tmp_path / 'new').mkdir()  # empty
    check_data(tmp_path / 'my.yaml', convert=tmp_path / 'new')
    assert check_data(tmp_path / 'new').boxes.images == {'train': 3, 'val': 1}


@pytest.mark.parametrize('error', [KeyboardInterrupt, Terminated, OSError(28, 'No space left on device')])
def test_an_interrupted_run_leaves_nothing(tmp_path, monkeypatch, error):
    def fail(*_, **__):
        raise error

    folders.plain(tmp_path / 'user')
    before = read_files(tmp_path / 'user')
    monkeypatch.setattr(convert, 'normalize_coco', fail)
    with pytest.raises(UserError if isinstance(error, OSError) else error, match='No space|^$'):
        check_data(tmp_path / 'user', convert=tmp_path / 'new')
    assert read_files(tmp_path / 'user') == before
    assert not [path.name for path in tmp_path.iterdir() if 'new' in path.name]
