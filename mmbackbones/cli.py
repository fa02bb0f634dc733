"""The command line: options that commands share, their types, and exit codes."""

import ast
import os
import re
import sys
import warnings
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable
from errno import ENAMETOOLONG
from io import TextIOWrapper
from time import sleep
from typing import Any

from mmengine.config import DictAction

from .datasets.checks.label_numbering import BACKGROUNDS
from .datasets.formats import summarize
from .errors import RunFailed, UserError, interrupted, printable, summarize_error
from .utils.launchers import LAUNCHERS, process_rank

# Warnings of MMEngine and MMSegmentation about their own calls, which users cannot act on. MMEngine takes a box that is
# drawn along the border of its image for one out of bounds.
_IGNORED_WARNINGS = (
    'pkg_resources is deprecated',
    '``build_loss`` would be deprecated',
    'Default ``avg_non_ignore`` is False',
    '`reduce_zero_label` will be deprecated',
    'The draw is False',
    'Warning: The bbox is out of bounds',
    'Warning: The polygon is out of bounds',
)
_GRACE_PERIOD = 5  # seconds that the first process has to print why the run ended


class CfgOptions(DictAction):
    """``--cfg-options k=v ...``: values as MMEngine reads them, and dicts, written ``dict(a=1)`` or ``{'a': 1}``."""

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

    def _value(self, text: str) -> Any:
        quoted = len(text) > 1 and text[0] == text[-1] and text[0] in '\'"'
        text = text[1:-1].strip() if quoted else text
        if text[:1] in ('[', '(', '{') or text.startswith('dict('):
            try:
                return _literal(ast.parse(text, mode='eval').body)
            except (SyntaxError, ValueError):  # words that are not Python names, such as coco/bbox_mAP
                if text[0] + text[-1] not in ('[]', '()') or 'dict(' in text or '{' in text:
                    raise
            return self._parse_iterable(text)
        # MMEngine would remove the spaces of paths and names.
        return self._parse_int_float_bool(text) if quoted or ',' not in text else self._parse_iterable(text)


def _literal(node: ast.expr | None) -> Any:
    """Evaluate an expression of constants, words, lists, tuples and dicts; nothing is executed."""
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
        case ast.Dict():
            return {_literal(key): _literal(value) for key, value in zip(node.keys, node.values, strict=True)}
        case ast.Call(func=ast.Name(id='dict'), args=[]) if all(keyword.arg for keyword in node.keywords):
            return {keyword.arg: _literal(keyword.value) for keyword in node.keywords}
    raise ValueError('not a literal')


def non_negative_int(text: str) -> int:
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


def new_parser(description: str | None) -> ArgumentParser:
    """A parser whose help shows `description`, the docstring of a command, with its line breaks."""
    return ArgumentParser(description=description, formatter_class=RawDescriptionHelpFormatter)


def add_data_options(parser: ArgumentParser) -> None:
    """Add ``--data`` and ``--img-scale``, for commands that read images."""
    parser.add_argument(
        '--data',
        metavar='NAME_OR_DIR',
        help=f"'shapes' (generated), or a folder with {summarize()}; default: the config's own data under data/",
    )
    parser.add_argument(
        '--img-scale',
        type=positive_int,
        nargs=2,
        metavar=('W', 'H'),
        help='resize images to fit into W x H pixels (default: as the config says)',
    )


def add_label_options(parser: ArgumentParser, default: str | None = None) -> None:
    """Add ``--background`` and ``--ignore-label``, for commands that read label maps.

    Args:
        parser: The parser of a command.
        default: What applies without them, for the help text.
    """
    ending = f' (default: {default})' if default else ''
    parser.add_argument(
        '--background',
        choices=BACKGROUNDS,
        help='how label maps are numbered, if their labels do not tell: label 0 is ignored and label 1 is the first '
        f'class (ignore), or label 0 is the first class (class){ending}',
    )
    parser.add_argument(
        '--ignore-label',
        type=non_negative_int,
        metavar='N',
        help=f'ignore pixels of label N in label maps, as pixels of label 255 always are{ending}',
    )


def add_run_options(parser: ArgumentParser) -> None:
    """Add ``--launcher`` and ``--cfg-options``, for commands that run a config."""
    parser.add_argument(
        '--launcher',
        choices=('none', *LAUNCHERS),
        default='none',
        help='what started the processes, for several GPUs: pytorch for torchrun (default: none)',
    )
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=CfgOptions,
        metavar='k=v',
        help='override config entries; they win over every other option',
    )


def run(main: Callable[[], None]) -> None:
    """Call `main`, print what goes wrong as one sentence, and exit with a code that says what kind of error it was.

    Exit codes: 2 for mistakes that the user can fix, 1 for a run that failed and for a file that could not be read or
    written during it, 130 for Ctrl-C. Any other exception is a bug and keeps its traceback.

    Known warnings of libraries about their own code are not shown, unless Python was told which to show (``-W``).

    Args:
        main: A command. Its slow imports belong inside it, so that Ctrl-C ends them quietly, too.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')  # a name that the terminal cannot show ends no run
    for start in () if sys.warnoptions else _IGNORED_WARNINGS:
        warnings.filterwarnings('ignore', re.escape(start))
    try:
        _check_current_folder()
        main()
    except (UserError, RunFailed) as error:
        print_error(str(error), error.on_all_processes)
        sys.exit(2 if isinstance(error, UserError) else 1)
    except BaseException as error:
        # Libraries turn whatever interrupts them, Ctrl-C included, into errors of their own.
        if interrupted(error):
            print('\nstopped', file=sys.stderr)
            sys.exit(130)
        if not isinstance(error, OSError):
            raise
        print_error(f'{error.filename}: {error.strerror}' if error.filename else summarize_error(error))
        sys.exit(2 if error.errno == ENAMETOOLONG else 1)


def print_error(message: str, on_all_processes: bool = False) -> None:
    """Print the message that ends this command, once for all processes of a distributed run.

    The first process prints. Launchers end all processes when one has ended; so another process that is still alive
    after some seconds is the only one that failed, and prints as well, unless the first process has the error, too.

    Args:
        message: Any text; what is not printable is escaped.
        on_all_processes: Whether every process has this error.
    """
    rank = process_rank()
    if rank:
        sleep(_GRACE_PERIOD)
    if not rank or not on_all_processes:
        print('error:', printable(message, keep='\n'), file=sys.stderr, flush=True)


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise UserError('the current folder no longer exists: change to another one') from error
