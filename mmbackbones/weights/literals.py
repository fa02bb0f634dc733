"""Assignments of literals in Python source text, read as data: nothing of it is executed."""

import ast
import io
import tokenize
from collections.abc import Iterator
from keyword import iskeyword
from tokenize import NAME, NUMBER, STRING, TokenInfo
from typing import Any

_MAX_DEPTH = 50  # nested containers
_MAX_DIGITS = 40  # characters of a number
_MAX_SHOWN = 60  # characters of what a message quotes
_CONSTANTS = {'True': True, 'False': False, 'None': None, 'inf': float('inf'), 'nan': float('nan')}
_SPACE = (tokenize.NL, tokenize.ENCODING, tokenize.ENDMARKER)
_TOKENIZER_ERRORS = (tokenize.TokenError, SyntaxError, ValueError)


class NotDataError(ValueError):
    """Something other than a literal.

    Attributes:
        line: Number of the line that it is in, from 1.
        found: The text from there to the end of the line.
    """

    def __init__(self, line: int, found: str) -> None:
        found = found.strip()
        super().__init__(f'line {line}: {found}')
        self.line = line
        self.found = found if len(found) <= _MAX_SHOWN else f'{found[:_MAX_SHOWN]}...'


def read_assignments(text: str) -> dict[str, Any]:
    """The values of a text that consists of lines ``name = literal`` and of nothing else.

    Literals are numbers, strings, ``True``, ``False``, ``None``, ``inf``, ``nan``, lists, tuples and dicts, written
    ``{...}``, ``dict(name=...)`` or, as MMEngine writes keys that are no names, ``dict({...})``.

    Raises:
        NotDataError: There is anything else, comments included.
    """
    if '\0' in text:
        raise NotDataError(text[: text.index('\0')].count('\n') + 1, 'a null byte')
    values: dict[str, Any] = {}
    lines = _lines(text)
    number = 0
    while True:
        try:
            line = next(lines, None)
        except _TOKENIZER_ERRORS:
            rest = enumerate(text.split('\n')[number:], number + 1)
            raise NotDataError(*next((item for item in rest if item[1].strip()), (number, ''))) from None
        if line is None:
            return values
        name, value = _assignment(line)
        values[name] = value
        number = line[-1].end[0]


def read_literals(text: str) -> dict[str, Any]:
    """The values of all lines ``name = literal`` of a Python text; other lines are skipped."""
    values: dict[str, Any] = {}
    lines = _lines(text)
    while True:
        try:
            line = next(lines, None)
        except _TOKENIZER_ERRORS:  # from here on it is not Python
            return values
        if line is None:
            return values
        line = [token for token in line if token.type not in (tokenize.INDENT, tokenize.DEDENT, tokenize.COMMENT)]
        try:
            name, value = _assignment(line)
            values[name] = value
        except (NotDataError, IndexError):
            pass


def _lines(text: str) -> Iterator[list[TokenInfo]]:
    """The tokens of each logical line."""
    line: list[TokenInfo] = []
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NEWLINE:
            if line:  # a carriage return alone ends a line of nothing
                yield line
            line = []
        elif token.type not in _SPACE:
            line.append(token)
    if line:
        yield line


def _assignment(line: list[TokenInfo]) -> tuple[str, Any]:
    if len(line) < 3 or not _is_name(line[0]) or line[1].string != '=':
        raise _not_data(line[0])
    parser = _Parser(line[2:])
    value = parser.value(0)
    if not parser.at_end:
        raise _not_data(parser.token)
    return line[0].string, value


def _not_data(token: TokenInfo) -> NotDataError:
    row, column = token.start
    return NotDataError(row, token.line.split('\n')[0][column:] or token.string)


def _is_name(token: TokenInfo) -> bool:
    # Python takes some characters for others in names, such as those of full width.
    return token.type == NAME and token.string.isascii() and not iskeyword(token.string)


def _is_sound_key(key: object) -> bool:
    """Whether a key stays what it is when MMEngine writes a config: it puts quotes around it, and no more."""
    if type(key) is str:
        return key.isprintable() and not set("'\\{}") & set(key)
    return type(key) in (int, float)


class _Parser:
    """Parser of one literal. Python's own parser can be made to crash Python 3.10 by a malicious text."""

    def __init__(self, tokens: list[TokenInfo]) -> None:
        self.tokens, self.at = tokens, 0

    @property
    def at_end(self) -> bool:
        return self.at == len(self.tokens)

    @property
    def token(self) -> TokenInfo:
        """The next token; the last one at the end."""
        return self.tokens[min(self.at, len(self.tokens) - 1)]

    @property
    def next(self) -> str:
        return '' if self.at_end else self.token.string

    def take(self, expected: str) -> None:
        if self.next != expected:
            raise _not_data(self.token)
        self.at += 1

    def value(self, depth: int) -> Any:
        token, text = self.token, self.next
        if depth > _MAX_DEPTH or self.at_end:
            raise _not_data(token)
        if token.type in (STRING, NUMBER):
            return self.strings() if token.type == STRING else self.number()
        self.at += 1
        if text == '-' and not self.at_end and (self.token.type == NUMBER or self.next == 'inf'):
            return -self.value(depth + 1)
        if text in _CONSTANTS:
            return _CONSTANTS[text]
        if text == '[':
            return self.items(']', depth)[0]
        if text == '(':
            items, comma = self.items(')', depth)
            return tuple(items) if comma or not items else items[0]
        if text == '{':
            return self.pairs('}', depth)
        if text == 'dict' and self.next == '(':
            self.at += 1
            return self.arguments(depth)
        raise _not_data(token)

    def number(self) -> int | float:
        token = self.token
        self.at += 1
        value = _constant(token) if len(token.string) <= _MAX_DIGITS else None
        if not isinstance(value, int | float):
            raise _not_data(token)
        return value

    def strings(self) -> str:
        """A string, or several that stand one after another and are one."""
        parts: list[str] = []
        while not self.at_end and self.token.type == STRING:
            value = _constant(self.token)
            if not isinstance(value, str):  # bytes, or an f-string, which runs code
                raise _not_data(self.token)
            parts.append(value)
            self.at += 1
        return ''.join(parts)

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

    def pairs(self, end: str, depth: int) -> dict[Any, Any]:
        pairs: dict[Any, Any] = {}
        while self.next != end:
            token, key = self.token, self.value(depth + 1)
            if not _is_sound_key(key):
                raise _not_data(token)
            self.take(':')
            pairs[key] = self.value(depth + 1)
            if self.next != end:
                self.take(',')
        self.take(end)
        return pairs

    def arguments(self, depth: int) -> dict[Any, Any]:
        """The dict that ``dict(`` makes of what follows."""
        pairs: dict[Any, Any] = {}
        if self.next == '{':
            self.at += 1
            pairs = self.pairs('}', depth + 1)
            self.take(')')
            return pairs
        while self.next != ')':
            token = self.token
            if self.at_end or not _is_name(token) or token.string in pairs:
                raise _not_data(token)
            self.at += 1
            self.take('=')
            pairs[token.string] = self.value(depth + 1)
            if self.next != ')':
                self.take(',')
        self.take(')')
        return pairs


def _constant(token: TokenInfo) -> Any:
    """The value of a token that is a number or a string by itself; None if it is not."""
    try:
        return ast.literal_eval(token.string)
    except (ValueError, SyntaxError):
        return None
