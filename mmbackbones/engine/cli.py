"""What every command line under tools/ shares."""
import sys
from argparse import ArgumentTypeError
from collections.abc import Callable

from mmengine.config import DictAction

from ..errors import UserError, printable


class CfgOptions(DictAction):
    """``--cfg-options k=v ...`` with a sentence, not a traceback, for what isn't ``k=v``."""

    def __call__(self, parser, namespace, values, option_string=None):
        if wrong := [value for value in values if '=' not in value]:
            parser.error(f'--cfg-options takes key=value pairs, got {" ".join(wrong)}')
        super().__call__(parser, namespace, values, option_string)


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
    """Call `main`; what the user can put right is printed as one sentence, with exit code 2."""
    sys.stdout.reconfigure(errors='backslashreplace')  # names that the terminal's encoding lacks are no reason to stop
    try:
        main()
    except UserError as error:
        print('error:', printable(str(error), keep='\n'), file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print('\nstopped', file=sys.stderr)
        sys.exit(130)
