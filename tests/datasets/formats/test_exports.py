"""Folders as the usual tools export them: what is read is what was painted."""

import pytest

from mmbackbones.datasets import load_detection, load_segmentation
from tests.helpers.exports.every import BOXES, LABEL_MAPS
from tests.helpers.files import read_files
from tests.helpers.painted import SCENES_WITH_MASKS, check_boxes, check_label_maps


@pytest.mark.parametrize('export', BOXES, ids=lambda export: export.name)
def test_boxes(export, tmp_path, out_dir):
    export.write(tmp_path / 'user')
    before = read_files(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir, masks=export.scenes is SCENES_WITH_MASKS)
    assert data.format == export.format
    check_boxes(data, export.scenes, export.divided)
    assert read_files(tmp_path / 'user') == before


@pytest.mark.parametrize('export', LABEL_MAPS, ids=lambda export: export.name)
def test_label_maps(export, tmp_path, out_dir):
    export.write(tmp_path / 'user')
    before = read_files(tmp_path / 'user')
    data = load_segmentation(tmp_path / 'user', out_dir)
    assert data.format == export.format
    check_label_maps(data, export.scenes, export.background, export.divided, export.called)
    assert read_files(tmp_path / 'user') == before


@pytest.mark.parametrize(
    'export', [export for export in BOXES if export.scenes is SCENES_WITH_MASKS], ids=lambda export: export.name
)
def test_label_maps_from_masks(export, tmp_path, out_dir):
    export.write(tmp_path / 'user')
    before = read_files(tmp_path / 'user')
    data = load_segmentation(tmp_path / 'user', out_dir)
    assert data.format == 'object masks'
    check_label_maps(data, export.scenes, 'class', export.divided)
    assert read_files(tmp_path / 'user') == before
