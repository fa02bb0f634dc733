"""Defects that are collected instead of refused."""

import json
import os
from pathlib import Path

import pytest

from mmbackbones.datasets import load_detection, load_segmentation
from mmbackbones.datasets.checks.findings import collecting_findings, current_findings
from mmbackbones.errors import UserError
from tests.helpers import detection_folders as folders
from tests.helpers.exports.every import BOXES, LABEL_MAPS
from tests.helpers.segmentation_folders import ade

# One format of each reader.
_BOXES = {export.format: export for export in BOXES}
_LABEL_MAPS = {export.format: export for export in LABEL_MAPS}


def _images(split) -> list[Path]:
    content = json.loads((split.ann_file if hasattr(split, 'ann_file') else split.list_file).read_bytes())
    if isinstance(content, list):
        return [Path(os.path.realpath(image)) for image, _ in content]
    return [Path(os.path.realpath(split.image_dir / image['file_name'])) for image in content['images']]


@pytest.mark.parametrize('name', [*_BOXES, *_LABEL_MAPS])
def test_an_unreadable_image_is_left_out(name, tmp_path, out_dir):
    load = load_detection if name in _BOXES else load_segmentation
    (_BOXES.get(name) or _LABEL_MAPS[name]).write(tmp_path / 'user')
    before = load(tmp_path / 'user', out_dir).splits
    broken = _images(before['train'])[1]
    broken.write_bytes(b'')
    with pytest.raises(UserError, match='the file is empty'):
        load(tmp_path / 'user', out_dir)
    with collecting_findings() as findings:
        after = load(tmp_path / 'user', out_dir).splits
    assert [os.path.realpath(path) for path in findings.unreadable] == [str(broken)]
    assert set(findings.unreadable.values()) == {'the file is empty'}
    left = [image for split in after.values() for image in _images(split)]
    assert broken not in left
    assert len(left) == sum(split.images for split in before.values()) - 1
    assert current_findings() is None


def test_an_unreadable_label_map_is_left_out(tmp_path, out_dir):
    ade(tmp_path / 'user')
    (tmp_path / 'user/annotations/training/a2.png').write_bytes(b'no picture')
    with collecting_findings() as findings:
        data = load_segmentation(tmp_path / 'user', out_dir)
    assert [Path(path).name for path in findings.unreadable] == ['a2.png']
    assert data.splits['train'].images == 3


def test_where_no_image_can_be_read_the_data_is_refused(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    for image in tmp_path.rglob('*.jpg'):
        image.write_bytes(b'')
    with pytest.raises(UserError, match='unreadable'), collecting_findings():
        load_detection(tmp_path / 'user', out_dir)


def test_repaired_boxes(tmp_path, out_dir):
    folders.plain(tmp_path / 'user')
    (file,) = tmp_path.rglob('train.json')
    content = json.loads(file.read_text())
    boxes = [[60, 10, 20, 10], [-5, 10, 0, 10], [70, 10, 5, 5]]
    for annotation, box in zip(content['annotations'], boxes, strict=False):
        annotation['bbox'] = box
    file.write_text(json.dumps(content))
    with collecting_findings() as findings:
        load_detection(tmp_path / 'user', out_dir)
    assert sorted((box.kind, list(box.box)) for box in findings.boxes) == sorted(
        zip(('clipped', 'dropped', 'dropped'), boxes, strict=True)
    )
    assert all(Path(box.image).is_file() for box in findings.boxes)
