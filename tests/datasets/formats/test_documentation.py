"""The documentation lists the formats of the table."""

import shutil
from pathlib import Path

import pytest

from mmbackbones.datasets.formats import FORMATS
from mmbackbones.datasets.formats.documentation import format_sentence, format_table, write_documentation
from mmbackbones.errors import UserError

ROOT = Path(__file__).parents[3]
PAGES = ('README.md', 'docs/own_data.md')


@pytest.fixture
def clone(tmp_path) -> Path:
    (tmp_path / 'docs').mkdir()
    for page in PAGES:
        shutil.copyfile(ROOT / page, tmp_path / page)
    return tmp_path


def test_documentation_is_up_to_date(clone):
    write_documentation(clone)
    for page in PAGES:
        stale = (clone / page).read_text(encoding='utf-8') != (ROOT / page).read_text(encoding='utf-8')
        assert not stale, f'{page} does not list the formats as they are: run python tools/model_zoo.py'


def test_every_format_is_listed():
    rows = format_table().splitlines()[2:]
    assert [row.split(' | ')[0] for row in rows] == [f'| {item.name}' for item in FORMATS]
    assert all(item.name in ' '.join(format_sentence().split()) for item in FORMATS)


@pytest.mark.parametrize('page', PAGES)
def test_a_page_without_the_block(page, clone):
    (clone / page).write_text('# Title\n')
    with pytest.raises(UserError, match=rf'{page}: there must be one line <!-- formats:begin'):
        write_documentation(clone)
