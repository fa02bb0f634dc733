"""The config that a checkpoint carries as text, read as data: nothing of it is executed."""

import ast
import io
import tokenize
from collections.abc import Iterator, Mapping

_LONGEST = 1_000_000  # characters; that of a large detector has 20,000
_DEEPEST = 50  # containers inside one another
_CONSTANTS = {'True': True, 'False': False, 'None': None}
_SPACE = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER)


def trained_config(checkpoint) -> dict:
    """The config that a checkpoint of MMEngine was trained with, as far as it is made of literals.

    Args:
        checkpoint: What :func:`~mmbackbones.weights.load_from_file` read.

    Returns:
        Top-level names and their values; numbers, text, None, booleans, lists, tuples and dicts are read, ``dict(...)``
        among them. What is anything else is left out, and without such a text the dict is empty.
    """
    meta = checkpoint.get('meta') if isinstance(checkpoint, Mapping) else None
    text = meta.get('cfg') if isinstance(meta, Mapping) else None
    return read_literals(text) if isinstance(text, str) and len(text) <= _LONGEST else {}


def read_literals(text: str) -> dict:
    """The values of all lines ``name = literal`` of a Python text."""
    values = {}
    for line in _lines(text):
        if len(line) > 2 and line[0].type == tokenize.NAME and line[1].string == '=':
            try:
                parser = _Parser(line[2:])
                value = parser.value(0)
                if parser.at_end:
                    values[line[0].string] = value
            except (ValueError, SyntaxError):  # no literal
                pass
    return values


def _lines(text: str) -> Iterator[list[tokenize.TokenInfo]]:
    """The tokens of each logical line; those after a place that is no Python are left out."""
    line = []
    try:
        for token in tokenize.generate_tokens(io.StringIO(text).readline):
            if token.type == tokenize.NEWLINE:
                yield line
                line = []
            elif token.type not in _SPACE:
                line.append(token)
    except (tokenize.TokenError, SyntaxError):
        pass


class _Parser:
    """Reads a literal from tokens. Python's own parser takes down the process of Python 3.10 for a text of bad will."""

    def __init__(self, tokens: list[tokenize.TokenInfo]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def at_end(self) -> bool:
        return self.at == len(self.tokens)

    @property
    def next(self) -> str:
        return '' if self.at_end else self.tokens[self.at].string

    def take(self, expected: str | None = None) -> str:
        text = self.next
        if not text or (expected and text != expected):
            raise ValueError
        self.at += 1
        return text

    def value(self, depth: int):
        if depth > _DEEPEST or self.at_end:
            raise ValueError
        kind, text = self.tokens[self.at].type, self.take()
        if kind == tokenize.STRING or kind == tokenize.NUMBER:
            value = ast.literal_eval(text)  # a single token
            while isinstance(value, str) and not self.at_end and self.tokens[self.at].type == tokenize.STRING:
                value += ast.literal_eval(self.take())
            if not isinstance(value, str | int | float):
                raise ValueError
            return value
        if text == '-' and not self.at_end and self.tokens[self.at].type == tokenize.NUMBER:
            return -self.value(depth + 1)
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text == '[':
            return self.items(']', depth)[0]
        if text == '(':
            items, comma = self.items(')', depth)
            return tuple(items) if comma or not items else items[0]
        if text == '{':
            return self.pairs('}', ':', depth)
        if text == 'dict':
            self.take('(')
            return self.pairs(')', '=', depth)
        raise ValueError

    def items(self, end: str, depth: int) -> tuple[list, bool]:
        """Values up to `end`, and whether there is a comma among them."""
        items, comma = [], False
        while self.next != end:
            items.append(self.value(depth + 1))
            if self.next != end:
                self.take(',')
                comma = True
        self.take(end)
        return items, comma

    def pairs(self, end: str, between: str, depth: int) -> dict:
        pairs = {}
        while self.next != end:
            key = self.take() if between == '=' else self.value(depth + 1)
            if not isinstance(key, str | int | float):
                raise ValueError
            self.take(between)
            pairs[key] = self.value(depth + 1)
            if self.next != end:
                self.take(',')
        self.take(end)
        return pairs
