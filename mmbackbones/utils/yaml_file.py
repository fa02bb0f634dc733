"""Reading users' YAML, whose aliases could make it grow without end."""

from pathlib import Path

import yaml as pyyaml

from ..errors import UserError
from .files import read_text

MAX_CHARACTERS = 4 << 20  # 20,000 class names have far fewer
_MAX_NUMBER = 1_000  # characters; some forms of numbers take the square of their length to read
MAX_DEPTH = 50  # of lists and tables within each other
_LOADER = getattr(pyyaml, 'CSafeLoader', pyyaml.SafeLoader)


def read_yaml(file: Path) -> object:
    """The content of a YAML file.

    Raises:
        UserError: It is not readable, or too large; each alias counts as what it stands for.
    """
    text = read_text(file)
    try:
        if len(text) > MAX_CHARACTERS or not _fits(text):
            raise UserError(
                f'{file} holds too much for a list of folders and class names: more than {MAX_CHARACTERS >> 20} MiB '
                f'with what its aliases stand for, or lists within lists {MAX_DEPTH} times'
            )
        return pyyaml.load(text, _LOADER)
    except (
        pyyaml.YAMLError,
        ValueError,
        TypeError,
        ArithmeticError,
        RecursionError,
    ) as error:  # also what YAML's own types refuse
        raise UserError(f'{file} is not readable YAML: {_describe(error, text)}') from error


def _describe(error: Exception, text: str) -> str:
    """Where a file stops being YAML, and what is the usual cause."""
    mark, problem = getattr(error, 'problem_mark', None), getattr(error, 'problem', None)
    if mark is None or not problem:
        return ' '.join(str(error).split())
    lines = text.splitlines()
    if mark.line >= len(lines):
        return f'at its end: {problem}'
    line, advice = lines[mark.line], ''
    if '\t' in line[: len(line) - len(line.lstrip())]:
        advice = ': indent with spaces instead of tabs'
    elif 'escape' in problem:
        advice = ': write paths with slashes, or in single quotes'
    return f'line {mark.line + 1}, column {mark.column + 1}: {problem}{advice}'


def _fits(text: str) -> bool:
    """Whether the content is small with every alias expanded; told by its events, without building anything."""
    sizes: dict[str | None, int] = {}  # anchor -> characters that it stands for
    open_nodes: list[tuple[str | None, int]] = []  # anchor of each open list or table, and characters before it
    total = 0
    for event in pyyaml.parse(text, _LOADER):
        if isinstance(event, pyyaml.AliasEvent):
            total += sizes.get(event.anchor, 0)
        elif isinstance(event, pyyaml.ScalarEvent):
            if len(event.value) > _MAX_NUMBER and _is_number(event):
                raise ValueError(f'it has a number of more than {_MAX_NUMBER:,} digits')
            total += 1 + len(event.value)
            sizes[event.anchor] = 1 + len(event.value)
        elif isinstance(event, pyyaml.CollectionStartEvent):
            open_nodes.append((event.anchor, total))
            sizes[event.anchor] = MAX_CHARACTERS  # within itself it has no end
            total += 1
        elif isinstance(event, pyyaml.CollectionEndEvent):
            anchor, start = open_nodes.pop()
            sizes[anchor] = total - start
        if total > MAX_CHARACTERS or len(open_nodes) > MAX_DEPTH:
            return False
    return True


def _is_number(event: pyyaml.ScalarEvent) -> bool:
    """Whether a value is read as a number, as far as its first character and its tag tell."""
    is_tagged = (event.tag or '').endswith((':int', ':float'))
    return is_tagged or (event.implicit[0] and event.value[0] in '+-0123456789')
