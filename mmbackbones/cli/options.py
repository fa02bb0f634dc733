"""Options that verbs share, and the types of their values."""

import ast
from argparse import SUPPRESS, Action, ArgumentParser, ArgumentTypeError, Namespace
from typing import Any

from mmengine.config import DictAction

from ..datasets.checks.label_numbering import BACKGROUNDS
from ..datasets.formats import summarize
from ..errors import UserError
from ..model_zoo.frameworks import FRAMEWORKS
from ..utils.config_files import config_names
from ..utils.launchers import LAUNCHERS


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


class OnNan(Action):
    """``--on-nan stop`` or ``--on-nan skip N``."""

    def __call__(self, parser, namespace, values, option_string=None):
        kind, *number = values
        if (kind, number) == ('stop', []):
            value: Any = 'stop'
        elif kind == 'skip' and len(number) == 1 and number[0].isdecimal() and int(number[0]) > 0:
            value = ('skip', int(number[0]))
        else:
            parser.error(
                f'--on-nan takes stop, or skip and a whole number of at least 1 (skip 10), got {" ".join(values)}'
            )
        setattr(namespace, self.dest, value)


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


def int_or_auto(text: str) -> int | str:
    """Argument type: an integer of at least 1, or ``auto``."""
    if text == 'auto':
        return text
    try:
        return positive_int(text)
    except ArgumentTypeError:
        raise ArgumentTypeError(f'must be a whole number of at least 1, or auto, got {text!r}') from None


def positive_float(text: str) -> float:
    """Argument type: a finite number above 0."""
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < float('inf'):
        raise ArgumentTypeError(f'must be a number above 0, got {text!r}')
    return value


def share(text: str) -> float:
    """Argument type: a number from 0 to 1."""
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise ArgumentTypeError(f'must be a number from 0 to 1, got {text!r}')
    return value


def add_config(parser: ArgumentParser, optional: bool = False, default: str = '') -> None:
    """Add CONFIG, and to the end of the help the names that it may be.

    Args:
        parser: The parser of a verb.
        optional: Whether it may be left out.
        default: What applies without it, for the help text.
    """
    parser.add_argument(
        'config',
        nargs='?' if optional else None,
        metavar='CONFIG',
        help='path of a config file, or one of the names below' + (f' (default: {default})' if default else ''),
    )
    parser.epilog = 'names, each of a beginning and one of its endings:'
    for prefix in (framework.prefix for framework in FRAMEWORKS):
        names = [name.removeprefix(prefix) for name in config_names() if name.startswith(prefix)]
        parser.epilog += f'\n  {prefix}: {" ".join(names)}'


def add_data_options(parser: ArgumentParser) -> None:
    """Add ``--data`` and ``--img-scale``, for commands that read images."""
    parser.add_argument(
        '--data',
        metavar='NAME_OR_DIR',
        help=f"'shapes' (generated), a folder with {summarize()}, or a YAML file that names the files of each split "
        "(docs/data_formats.md; check-data --help lists the formats); default: the config's own data under data/",
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
        help='what label 0 is, the background in most label maps: "class" makes it the first class; with "ignore" it '
        f'is ignored, and label 1 is the first class{ending}',
    )
    parser.add_argument(
        '--ignore-label',
        type=non_negative_int,
        metavar='N',
        help=f'ignore pixels of value N in label maps, as those of 255 are unless it is a class{ending}',
    )


def add_amp(parser: ArgumentParser) -> None:
    """Add ``--amp``, for commands that predict."""
    parser.add_argument(
        '--amp',
        action='store_true',
        help='half precision: float16 on GPUs, bfloat16 on CPUs that compute in it',
    )


def add_tile_options(parser: ArgumentParser) -> None:
    """Add ``--tile`` and ``--overlap``, for commands that predict images."""
    parser.add_argument(
        '--tile',
        type=positive_int,
        nargs=2,
        metavar=('W', 'H'),
        help='predict images in tiles of W x H pixels as well as whole, and merge what is found: for small objects in '
        'large images; a tile is resized as an image would be, so that W H near the image scale keeps its resolution',
    )
    parser.add_argument(
        '--overlap',
        type=float,
        default=SUPPRESS,  # that of the functions
        metavar='R',
        help='share of a tile that its neighbors cover, too, from 0 to below 0.9 (default: 0.2)',
    )


def check_tile_options(arguments: Namespace) -> None:
    """Raise UserError for ``--overlap`` without ``--tile``, which would have no effect."""
    if 'overlap' in arguments and arguments.tile is None:
        raise UserError(f'--overlap {arguments.overlap:g} says how tiles overlap: give their size with --tile W H')


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
