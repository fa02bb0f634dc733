"""Folders that are written to."""

from pathlib import Path
from tempfile import TemporaryFile

from ..errors import UserError


def need_folder(folder: str | Path, option: str) -> None:
    """Make `folder` if need be, and write to it once, so that hours of work do not end before a closed door.

    Args:
        folder: What `option` was given, or stands for by default.
        option: Names it in messages.

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
