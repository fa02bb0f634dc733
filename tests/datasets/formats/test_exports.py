"""Folders as the usual tools export them: what is read is what was painted."""

import pytest

from mmbackbones.datasets import load_detection
from tests.helpers.exports import plain, xml  # noqa: F401  # enter their writers into the table
from tests.helpers.exports.table import BOXES
from tests.helpers.files import read_files
from tests.helpers.painted import SCENES_WITH_MASKS, check_boxes


@pytest.mark.parametrize('export', BOXES, ids=lambda export: export.name)
def test_boxes(export, tmp_path, out_dir):
    export.write(tmp_path / 'user')
    before = read_files(tmp_path / 'user')
    data = load_detection(tmp_path / 'user', out_dir, masks=export.scenes is SCENES_WITH_MASKS)
    assert data.format == export.format
    check_boxes(data, export.scenes, export.divided)
    assert read_files(tmp_path / 'user') == before
