"""The table of formats: which a folder is in, and what is said if it is in none."""

import os
import re

import pytest

from mmbackbones.datasets import load_detection, load_segmentation
from mmbackbones.datasets.formats import (
    FORMATS,
    describe,
    find_format,
    formats_of,
    has_boxes,
    has_label_maps,
    summarize,
)
from mmbackbones.datasets.formats.base import DetectionFormat, SegmentationFormat
from mmbackbones.datasets.formats.label_maps.object_masks import ObjectMasks
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers import painted, segmentation_folders
from tests.helpers.coco_contents import check_val, contents, truth
from tests.helpers.detection_folders import TRUTH, write_coco, write_image
from tests.helpers.exports.every import BOXES, LABEL_MAPS

BUILDERS = folders.FORMATS | {folders.one_file: 'one COCO file'} | segmentation_folders.FORMATS
EXPORTS = {export.format: export for export in reversed([*BOXES, *LABEL_MAPS])}  # the first of each format
WRITERS = BUILDERS | {export.write: name for name, export in EXPORTS.items()}
every_writer = pytest.mark.parametrize(
    ('build', 'name'), WRITERS.items(), ids=lambda item: getattr(item, '__name__', '')
)


def test_every_format_has_a_test_folder():
    assert {item.name for item in FORMATS} == {*WRITERS.values(), ObjectMasks.name}


@pytest.mark.parametrize('item', FORMATS, ids=lambda item: item.name)
def test_entries(item):
    """Names are unique, help is one line of Markdown, and the task is that of the protocol."""
    assert [other.name for other in FORMATS].count(item.name) == 1
    assert re.fullmatch(r'[^\n]*`[^\n]+', item.expects)
    assert item.expects.count('`') % 2 == 0
    assert issubclass(item, {'boxes': DetectionFormat, 'label maps': SegmentationFormat}[item.task])
    assert item in formats_of(item.task)
    assert item in formats_of()


@every_writer
def test_find_format(build, name, tmp_path):
    build(tmp_path)
    found = find_format(tmp_path)
    assert (found.name, found.root) == (name, tmp_path)
    assert 'train' in found.splits
    assert (has_boxes(tmp_path), has_label_maps(tmp_path)) == (found.task == 'boxes', found.task == 'label maps')
    assert type(find_format(tmp_path, found.task)) is type(found)
    other = 'boxes' if found.task == 'label maps' else 'label maps'
    with pytest.raises(UserError, match=rf'holds {found.task} \({name}\), but a (detector|segmentor) needs {other}'):
        find_format(tmp_path, other)


@every_writer
def test_each_split_is_read(build, name, tmp_path):
    build(tmp_path)
    found = find_format(tmp_path)
    painted_here = build not in BUILDERS
    divided = EXPORTS[name].divided if painted_here else name == 'one COCO file'
    assert set(found.splits) >= ({'train'} if divided else {'train', 'val'})
    for split in found.splits:
        if found.task == 'boxes':
            read = found.read(split)
            assert read.data['images']
            assert all((read.image_dir / image['file_name']).is_file() for image in read.data['images'])
            assert {item['image_id'] for item in read.data['annotations']} <= {
                item['id'] for item in read.data['images']
            }
            classes = painted.CLASSES if painted_here else folders.CLASSES
            assert {item['name'] for item in read.data['categories']} >= set(classes)
        else:
            read = found.read(split, tmp_path / 'out')
            assert read.pairs
            assert all(pair.image.is_file() and pair.label_path.is_file() for pair in read.pairs)
            assert painted_here or found.read_label_names().names == segmentation_folders.CLASSES


@pytest.mark.parametrize('task', ['boxes', 'label maps', None])
def test_description(task):
    listed = formats_of(task)
    entries = [line.split(':')[0].strip() for line in describe(task).splitlines() if re.match(r'  \S', line)]
    assert entries == [item.name for item in listed]
    words = ' '.join(describe(task).split())
    for item in listed:
        assert f'{item.name}: {item.expects.replace("`", "")}' in words
    assert ('may be called val, valid, validation, dev or eval' in words) == (task != 'label maps')
    assert '`' not in describe(task)


def test_summary():
    match = re.fullmatch(r'boxes, masks or label maps in any of (\d+) formats \((.+), \.\.\.\)', summarize())
    assert int(match[1]) == len(FORMATS)
    for known in match[2].split(', '):
        assert any(known in item.name for item in FORMATS)


def test_boxes_and_label_maps_in_one_folder(tmp_path, out_dir):
    root = tmp_path / 'user'
    for split, folder in {'train': 'training', 'val': 'validation'}.items():
        write_coco(root / f'annotations/{split}.json', TRUTH[split], file_name=f'{folder}/{{}}.jpg')
        for stem in TRUTH[split]:
            write_image(root / 'images' / folder / f'{stem}.jpg')
            write_image(root / 'annotations' / folder / f'{stem}.png')
    assert has_boxes(root)
    assert has_label_maps(root)
    data = load_detection(root, out_dir)
    assert data.format == 'plain COCO'
    assert contents(data.splits['val']) == truth('val')


def test_two_formats_in_one_folder(tmp_path, out_dir):
    folders.plain(tmp_path)
    folders.yolo(tmp_path)
    assert check_val(tmp_path, out_dir) == [f'{tmp_path} is in the format YOLO as well, which is not used']
    (tmp_path / 'data.yaml').write_text('broken: [')
    assert check_val(tmp_path, out_dir) == []


@pytest.mark.parametrize('load', [load_detection, load_segmentation])
@pytest.mark.parametrize('make', [lambda path: None, os.mkfifo])
def test_no_folder(make, load, tmp_path, out_dir):
    make(tmp_path / 'nowhere')
    with pytest.raises(UserError, match='nowhere (does not exist|is neither a folder nor a file)'):
        load(tmp_path / 'nowhere', out_dir)


def test_formats_are_told_apart_without_opening_pipes(tmp_path):
    os.mkfifo(tmp_path / 'data.yaml')
    assert not has_boxes(tmp_path)
