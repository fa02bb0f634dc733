"""Generated Markdown."""

import re
from collections.abc import Iterable, Sequence

from ..errors import UserError


def table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table that ends with a line feed."""
    head, *body = (f'| {" | ".join(cells)} |\n' for cells in (columns, *rows))
    return head + '|---' * len(columns) + '|\n' + ''.join(body)


def replace_block(text: str, name: str, content: str) -> str:
    """Replace the lines between ``<!-- NAME:begin -->`` and ``<!-- NAME:end -->``.

    Args:
        text: The page; either mark may have a remark behind its name.
        name: Name of the block.
        content: Its new lines, each with its line feed.

    Raises:
        UserError: The page does not have exactly one such block.
    """
    begin, end = (rf'^<!-- {re.escape(name)}:{mark}\b[^\n]*-->\n' for mark in ('begin', 'end'))
    parts = re.split(f'({begin}|{end})', text, flags=re.MULTILINE)
    if len(parts) != 5 or not re.match(begin, parts[1]) or not re.match(end, parts[3]):
        raise UserError(f'there must be one line <!-- {name}:begin --> and, below it, one line <!-- {name}:end -->')
    return ''.join([*parts[:2], content, *parts[3:]])
