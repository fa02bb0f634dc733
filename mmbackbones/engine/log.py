"""What is said in MMEngine's log, and how."""

from logging import INFO, WARNING, LogRecord

from mmengine.config import Config
from mmengine.device import get_device
from mmengine.logging import MMLogger, print_log

from ..errors import printable
from ..ops.mmcv_ext.in_use import operators_in_use
from .dataset_config import is_segmentor

# What MMEngine says at every start, and nobody can act on: a line or two for each parameter with a setting of its own
# (the config that is left in the work directory has the rule), that it uses old names of its own, and that metrics are
# called as they are called.
_NOISE = (
    'paramwise_options -- ',
    '"FileClient" will be deprecated',
    '"HardDiskBackend" is the alias',
    'The prefix is not set in metric class',
)


def escape_log() -> None:
    """Let MMEngine's current logger escape whatever is not printable, and leave out noise, from here on.

    The libraries log class names, as parts of metrics and in tables of their own, and file names as they are. Every
    runner has a logger of its own, so this is called before a runner is built and after it.
    """
    MMLogger.get_current_instance().addFilter(_escape)


def _escape(record: LogRecord) -> bool:
    record.msg, record.args = printable(record.getMessage(), keep='\n\t'), ()
    return not record.msg.startswith(_NOISE)


def log_operators(cfg: Config) -> None:
    """Say which implementation of NMS and RoIAlign runs, as a warning where there is a faster one.

    Nothing is said for a segmentor, which has neither.
    """
    if not is_segmentor(cfg):
        said, compiled = operators_in_use(get_device())
        print_log(said, logger='current', level=INFO if compiled else WARNING)
