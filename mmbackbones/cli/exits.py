"""From errors to one sentence and an exit code."""

import atexit
import os
import re
import signal
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from errno import ENAMETOOLONG
from io import TextIOWrapper
from time import sleep

from ..errors import (
    STORAGE_FAULTS,
    ProcessLost,
    RunFailed,
    Terminated,
    UserError,
    interruption,
    printable,
    summarize_error,
)
from ..utils.launchers import process_rank
from ..utils.signals import receiving, terminate
from ..utils.text import clipped

# Warnings of MMEngine and MMSegmentation about their own calls, which users cannot act on. MMEngine takes a box that is
# drawn along the border of its image for one out of bounds.
_IGNORED_WARNINGS = (
    'pkg_resources is deprecated',
    '``build_loss`` would be deprecated',
    'Default ``avg_non_ignore`` is False',
    'For binary segmentation, we suggest using',
    '`reduce_zero_label` will be deprecated',
    'faster_coco_eval is not installed',  # a faster evaluation of OneDL's MMDetection, which nothing here uses
    'The draw is False',
    'Warning: The bbox is out of bounds',
    'Warning: The polygon is out of bounds',
    'Corrupt EXIF data',  # of PIL, for files that are told of, or that are read without it
    'Truncated File Read',
    'Image size (',
    'Grad strides do not match',  # of PyTorch, for convolutions in channels-last on several processes
    'FSDP2-wrapped module',  # of PyTorch, for stages of a backbone, whose maps nothing writes into
)
_GRACE_PERIOD = 5  # seconds that the first process has to print why the run ended


def run(main: Callable[[], None]) -> None:
    """Call `main`, print what goes wrong as one sentence, and exit with a code that says what kind of error it was.

    Exit codes: 2 for mistakes that the user can fix, 1 for a run that failed, for a file that could not be read or
    written during it and for a full disk, 130 for Ctrl-C, and for SIGTERM 143, or 0 if a training run was saved first.
    Any other exception is a bug and keeps its traceback.

    Known warnings of libraries about their own code are not shown, unless Python was told which to show (``-W``).

    Args:
        main: What to do. Slow imports belong inside it, so that Ctrl-C ends them quietly, too.
    """
    if isinstance(sys.stdout, TextIOWrapper):
        sys.stdout.reconfigure(errors='backslashreplace')  # a name that the terminal cannot show ends no run
    for start in () if sys.warnoptions else _IGNORED_WARNINGS:
        warnings.filterwarnings('ignore', re.escape(start))
    atexit.register(_end_at_once)
    try:
        _check_current_folder()
        with receiving(terminate, signal.SIGTERM):
            main()
    except (UserError, RunFailed) as error:
        print_error(str(error), error.on_all_processes, wait=not isinstance(error, ProcessLost))
        sys.exit(2 if isinstance(error, UserError) and not _is_storage_fault(error) else 1)
    except BaseException as error:
        # Libraries turn whatever interrupts them, Ctrl-C included, into errors of their own.
        end = interruption(error)
        if isinstance(end, Terminated):
            if end.code:
                print('stopped by SIGTERM', file=sys.stderr)
            sys.exit(end.code)
        if end:
            if not end.args:  # else it was told how
                print('\nstopped', file=sys.stderr)
            sys.exit(130)
        if isinstance(error, BrokenPipeError):  # whoever reads our output, such as `head`, has had enough
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)
        if not isinstance(error, OSError):
            raise
        print_error(f'{error.filename}: {error.strerror}' if error.filename else summarize_error(error))
        sys.exit(2 if error.errno == ENAMETOOLONG else 1)


def _end_at_once() -> None:
    """Let Ctrl-C end the process while Python cleans up, where it would print a traceback."""
    with suppress(OSError, ValueError):
        print(end='', flush=True)
    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:
        signal.signal(signal.SIGINT, signal.SIG_DFL)


def _is_storage_fault(error: UserError) -> bool:
    """Whether it is the disk that does not take what the command writes."""
    return getattr(error.__cause__, 'errno', None) in STORAGE_FAULTS


def print_error(message: str, on_all_processes: bool = False, wait: bool = True) -> None:
    """Print the message that ends this command, once for all processes of a distributed run.

    The first process prints. Launchers end all processes when one has ended; so another process that is still alive
    after some seconds is the only one that failed, and prints as well, unless the first process has the error, too.

    Args:
        message: Any text; what is not printable is escaped.
        on_all_processes: Whether every process has this error.
        wait: Whether the first process goes first; not if it may be the one that is missing.
    """
    rank = process_rank()
    if rank and wait:
        sleep(_GRACE_PERIOD)
    if not rank or not on_all_processes:
        print('error:', printable(clipped(message), keep='\n'), file=sys.stderr, flush=True)


def _check_current_folder() -> None:
    try:
        os.getcwd()
    except OSError as error:
        raise UserError('the current folder no longer exists: change to another one') from error
