"""Folders that are written to."""

from pathlib import Path
from tempfile import TemporaryFile

from ..errors import UserError

# What a training run leaves in its work directory and a test doesn't.
_OF_A_TRAINING_RUN = (
    'train.lock',
    'run.json',
    'last_checkpoint',
    'epoch_*.pth',
    'iter_*.pth',
    'best_*.pth',
    '*/vis_data/scalars.json',
)


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


def folder_of_test(work_dir: str) -> str:
    """`work_dir`, or its ``test/`` where a training run lives, whose config, data and logs a test would write over."""
    if any(next(Path(work_dir).glob(pattern), None) for pattern in _OF_A_TRAINING_RUN):
        return str(Path(work_dir) / 'test')
    return work_dir
