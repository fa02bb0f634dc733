"""Output folders."""

from pathlib import Path
from tempfile import TemporaryFile

from ..errors import UserError


def require_writable(folder: str | Path, option: str) -> None:
    """Make `folder` if need be and write to it once, so that hours of work are not lost to a folder without access.

    Args:
        folder: The folder.
        option: The option that names it, for messages.

    Raises:
        UserError: The folder cannot be made or written to.
    """
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise UserError(
            f'{option}: cannot write to {str(folder)!r}: {error.strerror or error}; name another folder'
        ) from error
