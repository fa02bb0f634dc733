"""What the documentation says of the formats, generated from their table by ``mmbackbones model-zoo``."""

import inspect
import re
from collections import defaultdict
from pathlib import Path
from textwrap import fill
from typing import get_args

from ...errors import UserError
from ...utils.markdown import replace_block, table
from .base import Format, Task
from .data_file import EXAMPLE, EXAMPLE_WITH_MASKS
from .registry import FORMATS, formats_of, name_tools, summarize

BLOCK = 'formats'
PAGE = 'docs/data_formats.md'
_TITLES = {'boxes': 'Boxes and masks', 'label maps': 'Label maps'}


def format_sentence() -> str:
    """A sentence on the formats, wrapped."""
    return fill(f'`--data` takes a folder with {summarize()}: [find your tool]({PAGE}).', width=120) + '\n'


def tool_index() -> str:
    """A table of the tools and data sets, with links to the formats of their exports."""
    links = defaultdict[str, list[str]](list)
    for item in FORMATS:
        for tool, export in item.tools.items():
            links[tool].append(f'[{export or item.name}](#{_anchor(item.name)})')
    rows = [(tool, ', '.join(links[tool])) for tool in name_tools()]
    return table(('tool or data set', 'its exports'), rows)


def format_sections() -> str:
    """The folder of each format, and a list of them for each task."""
    parts = list[str]()
    for task in get_args(Task):
        listed = formats_of(task)
        links = ', '.join(f'[{item.name}](#{_anchor(item.name)})' for item in listed)
        overview = f'In the order in which they are tried: {links}.'
        parts += [f'## {_TITLES[task]}', _wrap(overview), *map(_describe, listed)]
    return '\n\n'.join(parts) + '\n'


def data_file_examples() -> str:
    """The two forms of the YAML file."""
    return ''.join(f'```yaml\n{example.strip()}\n```\n' for example in (EXAMPLE, EXAMPLE_WITH_MASKS))


def write_documentation(root: Path) -> None:
    """Write the formats into README.md and docs/data_formats.md of the clone at `root`.

    Raises:
        UserError: A page lacks the lines between which they belong.
    """
    for name, block, content in (
        ('README.md', BLOCK, format_sentence()),
        (PAGE, 'tools', tool_index()),
        (PAGE, BLOCK, format_sections()),
        (PAGE, 'data file', data_file_examples()),
    ):
        page = root / name
        try:
            text = replace_block(page.read_text(encoding='utf-8'), block, content)
        except UserError as error:
            raise UserError(f'{name}: {error}') from error
        page.write_text(text, encoding='utf-8')


def _describe(item: type[Format]) -> str:
    """A heading, what the format is, and its folder."""
    paragraph = (inspect.getdoc(item) or '').split('\n\n')[0].replace('``', '`')
    text = f'{paragraph} In the folder: {item.expects}.'
    return f'### {item.name}\n\n{_wrap(text)}\n\n```\n{item.tree.strip()}\n```'


def _wrap(text: str) -> str:
    return fill(' '.join(text.split()), 120, break_long_words=False, break_on_hyphens=False)


def _anchor(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it."""
    return re.sub(r'[^\w\- ]', '', heading.lower()).replace(' ', '-')
