"""Assignments of literals in Python source text, read as data: nothing of it is executed."""

import ast
import io
import tokenize
from collections.abc import Iterator
from typing import Any

_MAX_DEPTH = 50  # nested containers
_CONSTANTS = {'True': True, 'False': False, 'None': None}
_SPACE = (tokenize.NL, tokenize.COMMENT, tokenize.INDENT, tokenize.DEDENT, tokenize.ENCODING, tokenize.ENDMARKER)


def read_literals(text: str) -> dict[str, Any]:
    """The values of all lines ``name = literal`` of a Python text; other lines are skipped."""
    values: dict[str, Any] = {}
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
    """The tokens of each logical line, up to the first that is not Python."""
    line: list[tokenize.TokenInfo] = []
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
    """Parser of one literal. Python's own parser can be made to crash Python 3.10 by a malicious text."""

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

    def value(self, depth: int) -> Any:
        if depth > _MAX_DEPTH or self.at_end:
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

    def items(self, end: str, depth: int) -> tuple[list[Any], bool]:
        """Values up to `end`, and whether there is a comma among them."""
        items: list[Any] = []
        comma = False
        while self.next != end:
            items.append(self.value(depth + 1))
            if self.next != end:
                self.take(',')
                comma = True
        self.take(end)
        return items, comma

    def pairs(self, end: str, between: str, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
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
