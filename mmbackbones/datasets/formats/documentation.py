"""What the documentation says of the formats, generated from their table by ``mmbackbones model-zoo``."""

from pathlib import Path
from textwrap import fill

from ...errors import UserError
from ...utils.markdown import replace_block, table
from .registry import FORMATS, summarize

BLOCK = 'formats'


def format_table() -> str:
    """A Markdown table with one row per format."""
    rows = [(item.name, item.task, item.expects) for item in FORMATS]
    return table(['format', 'annotated with', 'what the folder must hold'], rows)


def format_sentence() -> str:
    """A sentence that lists the formats, wrapped."""
    return fill(f'`--data` takes a folder with {summarize()}.', width=120) + '\n'


def write_documentation(root: Path) -> None:
    """Write the formats into README.md and docs/own_data.md of the clone at `root`.

    Raises:
        UserError: A page lacks the lines between which they belong.
    """
    for name, content in (('README.md', format_sentence()), ('docs/own_data.md', format_table())):
        page = root / name
        try:
            text = replace_block(page.read_text(encoding='utf-8'), BLOCK, content)
        except UserError as error:
            raise UserError(f'{name}: {error}') from error
        page.write_text(text, encoding='utf-8')
