"""The exceptions that speak to the user, and how text of the user is shown."""


class UserError(Exception):
    """Something that the user can put right: its message is one clear sentence (what was given, what is allowed).

    The command line prints the message without a traceback and exits with code 2.
    """


class RunFailed(Exception):
    """A run that went wrong on the way, such as a training whose loss is not finite; its message is one sentence.

    The command line prints the message without a traceback and exits with code 1.
    """


def interrupted(error: BaseException | None) -> bool:
    """Whether an exception is Ctrl-C, or was raised while it was handled."""
    while error is not None:
        if isinstance(error, KeyboardInterrupt):
            return True
        error = error.__cause__ or error.__context__
    return False


def printable(text: str, keep: str = '') -> str:
    r"""`text` as it can be shown anywhere: what is not printable stands as its escape sequence, as in :func:`repr`.

    Class names, file names and messages of other programs may hold terminal commands, line breaks, marks that reverse
    the writing direction, or lone surrogates, which no terminal or font can take. Everything else, brackets and
    backslashes included, stays as it is; so this is for reading, and no key to find anything by.

    Args:
        text: Any text.
        keep: Characters to leave alone, such as ``'\n'`` in a message of several lines.

    Returns:
        For example ``\x1b[31mred`` with four characters in the place of the escape character.
    """
    if text.isprintable():
        return text
    return ''.join(
        char if char.isprintable() or char in keep else char.encode('unicode_escape').decode() for char in text
    )
