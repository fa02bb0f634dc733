"""MMEngine's log: escaped, without noise, and with the operators in use."""

from logging import INFO, WARNING, LogRecord

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger, print_log

from ..errors import printable
from ..ops.mmcv_ext.in_use import operators_in_use
from .dataset_config import is_segmentor

# What MMEngine logs at every start and nobody can act on: a line or two for each parameter with settings of its own
# (the config in the work directory has the rule), its own use of deprecated names, and the names of metrics.
_NOISE = (
    'paramwise_options -- ',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
)


def escape_log() -> None:
    """Make MMEngine's current logger escape whatever is not printable, and drop noise, from now on.

    The libraries log class names, as parts of metrics and in their tables, and file names as they are. Every runner has
    its own logger, so this is called before and after a runner is built.
    """
    MMLogger.get_current_instance().addFilter(_escape)


def _escape(record: LogRecord) -> bool:
    record.msg, record.args = printable(record.getMessage(), keep='\n\t'), ()
    return not record.msg.startswith(_NOISE)


def log_operators(cfg: Config) -> None:
    """Log which implementation of NMS and RoIAlign runs, as a warning where there is a faster one.

    Nothing is logged for a segmentor, which uses neither.
    """
    if not is_segmentor(cfg):
        message, compiled = operators_in_use(get_device())
        print_log(message, logger='current', level=INFO if compiled else WARNING)
