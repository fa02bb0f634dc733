"""The exceptions that speak to the user."""


class UserError(Exception):
    """Something that the user can put right: its message is one clear sentence (what was given, what is allowed).

    The command line prints the message without a traceback and exits with code 2.
    """


class RunFailed(Exception):
    """A run that went wrong on the way, such as a training whose loss is not finite; its message is one sentence.

    The command line prints the message without a traceback and exits with code 1.
    """
