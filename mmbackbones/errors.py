"""The one exception that speaks to the user."""


class UserError(Exception):
    """Something that the user can put right: its message is one clear sentence (what was given, what is allowed).

    The command line prints the message without a traceback and exits with code 2.
    """
