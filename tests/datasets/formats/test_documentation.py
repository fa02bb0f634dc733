"""The documentation lists the formats of the table."""

import inspect
import re
import shutil
from pathlib import Path

import pytest

from mmbackbones.datasets.formats import FORMATS
from mmbackbones.datasets.formats.documentation import format_sections, format_sentence, tool_index, write_documentation
from mmbackbones.errors import UserError

ROOT = Path(__file__).parents[3]
PAGES = ('README.md', 'docs/data_formats.md')


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
    page = format_sections()
    headings = re.findall(r'^### (.+)$', page, re.MULTILINE)
    assert headings == [item.name for item in FORMATS]
    for item in FORMATS:
        assert f'\n```\n{item.tree.strip()}\n```\n' in page
        assert item.expects in ' '.join(page.split())


def test_every_tool_is_found():
    """Each row of the table has links to sections that exist."""
    rows = dict(re.findall(r'^\| (.+?) \| (.+?) \|$', tool_index(), re.MULTILINE))
    assert {'CVAT', 'Kaggle', 'Label Studio', 'labelImg', 'labelme', 'Roboflow', 'Ultralytics'} <= rows.keys()
    headings = re.findall(r'^### (.+)$', format_sections(), re.MULTILINE)
    anchors = {re.sub(r'[^\w -]', '', heading.lower()).replace(' ', '-') for heading in headings}
    for item in FORMATS:
        for tool, export in item.tools.items():
            assert f'[{export or item.name}](#' in rows[tool]
    assert set(re.findall(r'\(#([^)]+)\)', ' '.join(rows.values()))) <= anchors


def test_the_sentence_is_short():
    assert len(format_sentence()) < 300
    assert f'any of {len(FORMATS)} formats' in ' '.join(format_sentence().split())


@pytest.mark.parametrize('item', FORMATS, ids=lambda item: item.name)
def test_texts(item):
    """A sentence says what the format is, and the lines of the tree are paths and remarks."""
    first = inspect.getdoc(item).split('\n\n')[0]
    assert first.endswith('.')
    assert not re.search(r':\w+:`', first)
    for line in item.tree.strip().splitlines():
        assert re.fullmatch(r'(  )*[^\s#][^#]*?(  # .+)?', line), line
        assert len(line) <= 100


@pytest.mark.parametrize('page', PAGES)
def test_a_page_without_the_block(page, clone):
    (clone / page).write_text('# Title\n')
    with pytest.raises(UserError, match=rf'{page}: there must be one line <!-- (formats|tools):begin'):
        write_documentation(clone)
