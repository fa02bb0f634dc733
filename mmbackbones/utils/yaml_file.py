"""Reading a user's YAML, which may be made to grow without end."""

from pathlib import Path

import yaml as pyyaml

from ..errors import UserError
from .files import read_text

MOST = 4 << 20  # characters; 20,000 names of classes have fewer by far
DEEPEST = 50  # lists and tables within each other
_LOADER = getattr(pyyaml, 'CSafeLoader', pyyaml.SafeLoader)


def read_yaml(file: Path) -> object:
    """The content of a YAML file.

    Raises:
        UserError: it is not readable, or is too much: aliases count as what they stand for, each time.
    """
    text = read_text(file)
    try:
        if len(text) > MOST or not _fits(text):
            raise UserError(
                f'{file} holds too much for a list of folders and class names: more than {MOST >> 20} MiB, '
                f'all that its aliases stand for included, or lists in lists {DEEPEST} times.'
            )
        return pyyaml.load(text, _LOADER)
    except (pyyaml.YAMLError, ValueError, TypeError, RecursionError) as error:  # also what YAML's own types refuse
        raise UserError(f'{file} is not readable YAML: {" ".join(str(error).split())}.') from error


def _fits(text: str) -> bool:
    """Whether the content is small with every alias written out; found by its events, without building anything."""
    sizes, open_nodes, total = {}, [], 0  # anchor -> characters it stands for; anchor of each open node and its start
    for event in pyyaml.parse(text, _LOADER):
        if isinstance(event, pyyaml.AliasEvent):
            total += sizes.get(event.anchor, 0)
        elif isinstance(event, pyyaml.ScalarEvent):
            total += 1 + len(event.value)
            sizes[event.anchor] = 1 + len(event.value)
        elif isinstance(event, pyyaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            sizes[event.anchor] = MOST  # within itself it has no end
            total += 1
        elif isinstance(event, pyyaml.CollectionEndEvent):
            anchor, start = open_nodes.pop()
            sizes[anchor] = total - start
        if total > MOST or len(open_nodes) > DEEPEST:
            return False
    return True
