"""The log of a run: all of it in a file in the work directory, and what is for users on the screen."""

import sys
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from functools import partial
from io import TextIOBase
from logging import ERROR, WARNING, FileHandler, Handler, LogRecord, getLevelName
from pathlib import PurePath
from time import time_ns
from typing import Any

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.dist import is_main_process
from mmengine.logging import MMLogger, print_log

from ..errors import printable
from ..ops.mmcv_ext.in_use import operators_in_use
from ..utils.messages import is_for_users, tell
from ..utils.paths import shown_path
from .dataset_config import is_segmentor

# What MMEngine logs at every start and nobody can act on: a line or two for each parameter with settings of its own
# (the config in the work directory has the rule), its own use of deprecated names, and the names of metrics.
_NOISE = (
    'paramwise_options -- ',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
)
# Users can act on no warning of these libraries, such as those about their own calls of each other.
_LIBRARIES = {'mmengine', 'mmcv', 'mmdet', 'mmseg', 'pkg_resources'}
_early: list[LogRecord] = []  # what a run has logged before its file existed


def begin_log() -> None:
    """Start the log of a run, with a logger of its own: the current one may write to the file of an earlier run."""
    _early.clear()
    logger = MMLogger.get_instance(f'mmbackbones_{time_ns()}')
    logger.handlers = [_Early(), _Screen()]
    logger.addFilter(_escape)


def continue_log(logger: MMLogger) -> None:
    """Send what the logger of a runner logs to its file instead of the screen.

    What the run has logged before follows in the file. From now on whatever is not printable is escaped, because the
    libraries log class names and file names as they are, and noise is dropped.

    Args:
        logger: A new one.
    """
    files = [handler for handler in logger.handlers if isinstance(handler, FileHandler)]
    logger.handlers = [*files, _Screen()]
    logger.addFilter(_escape)
    for handler in files:
        handler.handleError = partial(_without_file, handler)  # type: ignore[method-assign]
        for record in _early:
            if record.levelno >= handler.level:
                handler.handle(record)
    _early.clear()


def _without_file(file: FileHandler, record: LogRecord) -> None:
    """Say once that the log cannot be written, where Python would print a traceback for each line."""
    error = sys.exc_info()[1]
    if not isinstance(error, OSError):
        type(file).handleError(file, record)
        return
    file.handleError = lambda record: None  # type: ignore[method-assign]
    tell(f'the log {shown_path(file.baseFilename)} is incomplete: {error.strerror or error}', WARNING)


class _Early(Handler):
    """Keeps records for the file."""

    def emit(self, record: LogRecord) -> None:
        _early.append(record)


class _Screen(Handler):
    """Prints messages for users as plain lines, once for all processes, and errors of the libraries."""

    def emit(self, record: LogRecord) -> None:
        if record.levelno >= ERROR or (is_for_users(record) and is_main_process()):
            level = f'{getLevelName(record.levelno).lower()}: ' if record.levelno >= WARNING else ''
            print(f'{level}{record.getMessage()}', file=getattr(sys.stdout, 'screen', None), flush=True)


def _escape(record: LogRecord) -> bool:
    record.msg, record.args = printable(record.getMessage(), keep='\n\t'), ()
    return not record.msg.startswith(_NOISE)


@contextmanager
def logging_warnings() -> Iterator[None]:
    """Within the block, Python's warnings of the libraries, and about what is deprecated, go to the log file."""
    show = warnings.showwarning

    def log_or_show(message: Any, category: Any, filename: str, *where: Any, **more: Any) -> None:
        deprecated = issubclass(category, DeprecationWarning | PendingDeprecationWarning | FutureWarning)
        if deprecated or not _LIBRARIES.isdisjoint(PurePath(filename).parts):
            MMLogger.get_current_instance().warning(f'{filename}: {category.__name__}: {message}')
        else:
            show(message, category, filename, *where, **more)

    warnings.showwarning = log_or_show
    try:
        yield
    finally:
        warnings.showwarning = show


@contextmanager
def logging_prints() -> Iterator[None]:
    """Within the block, what libraries print to standard output goes to the log file."""
    with redirect_stdout(_Prints(sys.stdout)):
        yield


class _Prints(TextIOBase):
    """Logs whole lines.

    Attributes:
        screen: Standard output, for :class:`_Screen`.
    """

    def __init__(self, screen: Any) -> None:
        self.screen = screen
        self._line = ''

    def write(self, text: str) -> int:
        *lines, self._line = (self._line + text).split('\n')
        for line in filter(str.strip, lines):
            MMLogger.get_current_instance().info(line)
        return len(text)


def log_operators(cfg: Config) -> None:
    """Log which implementation of NMS and RoIAlign runs, as a warning to users of GPUs where there is a faster one.

    On a CPU the network takes far longer. Nothing is logged for a segmentor, which uses neither.
    """
    if not is_segmentor(cfg):
        device = get_device()
        message, compiled = operators_in_use(device)
        if compiled or device == 'cpu':
            print_log(message, logger='current')
        else:
            tell(message, WARNING)
