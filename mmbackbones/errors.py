"""Errors that the command line shows as one sentence, and how text from outside is shown."""

import errno

# Errors of a disk that is full or broken, rather than of the name of a file; where a write fails, they name none.
STORAGE_FAULTS = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO)
_MAX_SUMMARY = 400  # characters; some libraries print whole configs in an error


class UserError(Exception):
    """A mistake that the user can fix: a wrong file, folder, flag or config entry.

    The message is one clear sentence: what was given, what is allowed, what to do. The command line prints it without a
    traceback and exits with code 2.

    Attributes:
        on_all_processes: Whether every process of a distributed run has this error.
    """

    on_all_processes = False


class RunFailed(Exception):
    """A run that started and failed, such as a training run whose loss is no longer finite.

    The command line prints the message without a traceback and exits with code 1.

    Attributes:
        on_all_processes: Whether every process of a distributed run has this error.
    """

    on_all_processes = False


class ProcessLost(RunFailed):
    """The end of one process of a distributed run because another has ended, or no longer answers."""


class Terminated(SystemExit):
    """The end that SIGTERM asked for; its code is the exit code of the process.

    Like Ctrl-C, it is raised wherever the process was, and nothing but what cleans up should stop it.
    """


def interruption(error: BaseException | None) -> KeyboardInterrupt | Terminated | None:
    """Ctrl-C or SIGTERM, if an exception is one, or was raised while one was being handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt | Terminated):
            return error
        error = error.__cause__ or error.__context__
    return None


def summarize_error(error: BaseException) -> str:
    """The message of an exception on one line, without the libraries' advice.

    Args:
        error: Any exception, one that a data worker of PyTorch passed on included.

    Returns:
        The first line of the message, with the type of the exception where the message is a single word or empty.
    """
    text = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    if isinstance(error, OSError) and error.strerror and not error.filename:
        text = error.strerror  # without its number
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    # A data worker passes on a whole traceback, whose last line is the error.
    text = (lines[-1] if lines[0].startswith('Caught ') else lines[0]) if lines else ''
    text = text.split(' Please check whether')[0].rstrip('. ')
    text = ' '.join(text.split())
    text = text if len(text) <= _MAX_SUMMARY else f'{text[:_MAX_SUMMARY]} ...'
    name = type(error).__name__
    return text if ' ' in text else f'{name}: {text}' if text else name


def printable(text: str, keep: str = '') -> str:
    r"""Escape every character of `text` that is not printable, as :func:`repr` does.

    Class names, file names and messages of other programs may hold terminal commands, line breaks, marks that reverse
    the writing direction, or lone surrogates, which no terminal or font can show. Everything else, brackets and
    backslashes included, stays as it is. The result is for reading, not a key to look anything up with.

    Args:
        text: Any text.
        keep: Characters to leave alone, such as ``'\n'`` in a message of several lines.

    Returns:
        For example ``\x1b[31mred``, with four characters in place of the escape character.
    """
    if text.isprintable():
        return text
    return ''.join(
        char if char.isprintable() or char in keep else char.encode('unicode_escape').decode() for char in text
    )
