"""What every command line under tools/ shares."""
import re
import sys
import warnings
from argparse import ArgumentTypeError
from collections.abc import Callable

from mmengine.config import DictAction

from ..errors import RunFailed, UserError
from .distributed import say
from .rehearsal import reason

# Warnings of MMEngine and MMSegmentation about calls of their own, which nobody at the keyboard can act on. To MMEngine
# a box that is drawn along the border of its image is out of bounds.
_OF_LIBRARIES = ('pkg_resources is deprecated', '``build_loss`` would be deprecated',
                 'Default ``avg_non_ignore`` is False', '`reduce_zero_label` will be deprecated', 'The draw is False',
                 'Warning: The bbox is out of bounds', 'Warning: The polygon is out of bounds')


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
    """Call `main`; what went wrong is printed as one sentence.

    Known warnings of libraries about their own code are left out, unless Python was told which to show (``-W``).

    Exit codes: 2 for what the user can put right, 1 for a run that failed and for a file that could not be read or
    written on the way, 130 for Ctrl-C.
    """
    sys.stdout.reconfigure(errors='backslashreplace')  # names that the terminal's encoding lacks are no reason to stop
    for start in () if sys.warnoptions else _OF_LIBRARIES:
        warnings.filterwarnings('ignore', re.escape(start))
    try:
        main()
    except UserError as error:
        say(error)
        sys.exit(2)
    except RunFailed as error:
        say(error)
        sys.exit(1)
    except BaseException as error:
        # Libraries turn whatever interrupts them, Ctrl-C included, into errors of their own.
        if _interrupted(error):
            print('\nstopped', file=sys.stderr)
            sys.exit(130)
        if not isinstance(error, OSError):
            raise
        say(f'{error.filename}: {error.strerror}' if error.filename else reason(error))
        sys.exit(1)


def _interrupted(error: BaseException | None) -> bool:
    """Whether an exception is Ctrl-C, or was raised while it was handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False
