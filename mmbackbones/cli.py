"""What every command line under tools/ shares."""

import ast
import os
import re
import sys
import warnings
from argparse import ArgumentTypeError
from collections.abc import Callable
from errno import ENAMETOOLONG

from mmengine.config import DictAction

from .engine.distributed import say
from .errors import RunFailed, UserError, interrupted, summarize_error

# Warnings of MMEngine and MMSegmentation about calls of their own, which nobody at the keyboard can act on. To MMEngine
# a box that is drawn along the border of its image is out of bounds.
_OF_LIBRARIES = (
    'pkg_resources is deprecated',
    '``build_loss`` would be deprecated',
    'Default ``avg_non_ignore`` is False',
    '`reduce_zero_label` will be deprecated',
    'The draw is False',
    'Warning: The bbox is out of bounds',
    'Warning: The polygon is out of bounds',
)


class CfgOptions(DictAction):
    """``--cfg-options k=v ...``: values as MMEngine takes them, and dicts, written ``dict(a=1)`` or ``{'a': 1}``."""

    def __call__(self, parser, namespace, values, option_string=None):
        if wrong := [value for value in values if '=' not in value]:
            parser.error(f'--cfg-options takes key=value pairs, got {" ".join(wrong)}')
        options = dict(getattr(namespace, self.dest, None) or {})
        for option in values:
            key, text = option.split('=', maxsplit=1)
            try:
                options[key] = self._value(text.strip())
            except (SyntaxError, ValueError, AssertionError, RecursionError, MemoryError):
                parser.error(
                    f'--cfg-options {option}: the value cannot be read; lists are written [a,b], tuples '
                    "(1,2), dicts dict(type='A',b=1)"
                )
        setattr(namespace, self.dest, options)

    def _value(self, text: str):
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in '\'"'
        text = text[1:-1].strip() if quoted else text
        if text[:1] in ('[', '(', '{') or text.startswith('dict('):
            try:
                return _literal(ast.parse(text, mode='eval').body)
            except (SyntaxError, ValueError):  # words that are no names in Python, such as coco/bbox_mAP
                if text[0] + text[-1] not in ('[]', '()') or 'dict(' in text or '{' in text:
                    raise
            return self._parse_iterable(text)
        # MMEngine would take blanks out of paths and names.
        return self._parse_int_float_bool(text) if quoted or ',' not in text else self._parse_iterable(text)


def _literal(node: ast.expr):
    """The value of an expression of constants, words, lists, tuples and dicts; nothing is executed."""
    match node:
        case ast.Constant():
            return node.value
        case ast.Name(id='true' | 'false'):
            return node.id == 'true'
        case ast.Name():
            return node.id
        case ast.UnaryOp(op=ast.USub() | ast.UAdd(), operand=ast.Constant(value=int() | float() as number)):
            return -number if isinstance(node.op, ast.USub) else number
        case ast.List():
            return [_literal(item) for item in node.elts]
        case ast.Tuple():
            return tuple(_literal(item) for item in node.elts)
        case ast.Dict() if None not in node.keys:
            return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values, strict=True)}
        case ast.Call(func=ast.Name(id='dict'), args=[]) if all(keyword.arg for keyword in node.keywords):
            return {keyword.arg: _literal(keyword.value) for keyword in node.keywords}
    raise ValueError('no literal')


def natural(text: str) -> int:
    """Argument type: an integer of at least 0."""
    if not text.isdecimal():
        raise ArgumentTypeError(f'must be a whole number of at least 0, got {text!r}')
    return int(text)


def positive_int(text: str) -> int:
    """Argument type: an integer of at least 1."""
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f'must be a whole number of at least 1, got {text!r}')
    return int(text)


def positive_float(text: str) -> float:
    """Argument type: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise ArgumentTypeError(f'must be a number above 0, got {text!r}')
    return value


def run(main: Callable[[], None]) -> None:
    """Call `main`; what went wrong is printed as one sentence.

    Known warnings of libraries about their own code are left out, unless Python was told which to show (``-W``).

    Exit codes: 2 for what the user can put right, 1 for a run that failed and for a file that could not be read or
    written on the way, 130 for Ctrl-C.
    """
    sys.stdout.reconfigure(errors='backslashreplace')  # names that the terminal's encoding lacks are no reason to stop
    for start in () if sys.warnoptions else _OF_LIBRARIES:
        warnings.filterwarnings('ignore', re.escape(start))
    try:
        _check_current_folder()
        main()
    except UserError as error:
        say(error)
        sys.exit(2)
    except RunFailed as error:
        say(error)
        sys.exit(1)
    except BaseException as error:
        # Libraries turn whatever interrupts them, Ctrl-C included, into errors of their own.
        if interrupted(error):
            print('\nstopped', file=sys.stderr)
            sys.exit(130)
        if not isinstance(error, OSError):
            raise
        say(f'{error.filename}: {error.strerror}' if error.filename else summarize_error(error))
        sys.exit(2 if error.errno == ENAMETOOLONG else 1)


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise UserError('the current folder does not exist any more: change to another one') from error
