"""What the documentation says of the formats, generated from their table by ``python tools/model_zoo.py``."""

from pathlib import Path

from ...errors import UserError
from ...utils.markdown import replace_block, table
from .registry import FORMATS, summarize

BLOCK = 'formats'


def format_table() -> str:
    """A Markdown table with one row per format."""
    rows = [(item.name, item.task, item.expects) for item in FORMATS]
    return table(['format', 'annotated with', 'what the folder must hold'], rows)


def write_documentation(root: Path) -> None:
    """Write the formats into the README and docs/own_data.md of the clone at `root`.

    Raises:
        UserError: A page lacks the lines between which they belong.
    """
    for page, content in (
        ('README.md', f'`--data` takes a folder with {summarize()}.\n'),
        ('docs/own_data.md', format_table()),
    ):
        text = (root / page).read_text(encoding='utf-8')
        try:
            new = replace_block(text, BLOCK, content)
        except UserError as error:
            raise UserError(f'{page}: {error}') from error
        (root / page).write_text(new, encoding='utf-8')
