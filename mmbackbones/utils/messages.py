"""Messages for users, which are logged beside what the libraries log."""

from logging import INFO, Logger, LogRecord

from mmengine.logging import MMLogger

_MARK = 'mmbackbones_tells'


def tell(text: str, level: int = INFO, logger: Logger | None = None) -> None:
    """Log a message for users.

    Training and test runs show these on the screen, and leave what the libraries log to the log file.

    Args:
        text: One sentence, without a full stop.
        level: A level of ``logging``; from ``WARNING`` on it begins with the name of the level.
        logger: Who logs; MMEngine's current logger by default.
    """
    (logger or MMLogger.get_current_instance()).log(level, text, extra={_MARK: True})


def is_for_users(record: LogRecord) -> bool:
    """Whether a record of the log was written by :func:`tell`."""
    return hasattr(record, _MARK)
