"""MMEngine's log."""
import logging
from io import StringIO

from mmengine.logging import MMLogger

from mmbackbones.engine.log import escape_log


def test_the_libraries_log_is_escaped():
    logger = MMLogger.get_instance('hostile')
    logger.handlers = [handler := logging.StreamHandler(StringIO())]
    escape_log()
    logger.info('class \x1b[31m of %s\n| table |', '\x9b')
    assert handler.stream.getvalue() == 'class \\x1b[31m of \\x9b\n| table |\n'
