"""Work directories of training runs: their lock, the id of their run, and their checkpoints."""

import errno
import json
import os
import re
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from mmengine.dist import is_main_process

from ..errors import UserError
from ..utils.atomic_write import atomic_write, remove_partials
from ..utils.messages import tell
from ..utils.paths import shown_path
from .processes.distributed import main_process_first
from .run_record import continued

try:
    import fcntl
except ImportError:  # Windows has no POSIX record locks; two runs at once are not noticed there
    fcntl = None  # type: ignore[assignment]

_LOCK = 'train.lock'
_RUN = 'run.json'
CONVERTED_DATA = 'data'  # folder of repaired or converted annotations
_CHECKPOINTS = ('best_*.pth', 'epoch_*.pth', 'iter_*.pth', 'last_checkpoint')
# What a training run leaves in its work directory and a test does not.
_OF_A_TRAINING_RUN = (_LOCK, _RUN, *_CHECKPOINTS, '*/vis_data/scalars.json')
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # errors of file systems without locks
_in_use: set[Path] = set()  # by runs of this process: a record lock does not exclude its own process


def checkpoints_in(work_dir: str | os.PathLike, hook: Mapping | None = None) -> list[Path]:
    """Checkpoints of a work directory that a run can be resumed from, newest first.

    The one that ``last_checkpoint`` names comes first, by its name only: the folder may have been moved.

    Args:
        work_dir: The folder.
        hook: Config of the hook that writes checkpoints, which may set another folder and other file names.
    """
    folder, last, hook = _checkpoint_folder(work_dir, hook), Path(work_dir) / 'last_checkpoint', hook or {}
    patterns = {'epoch_*.pth', 'iter_*.pth', re.sub(r'\{.*?\}', '*', hook.get('filename_tmpl') or 'epoch_*.pth')}
    here = [path for path in folder.glob('*') if path.is_file()] if folder.is_dir() else []
    name = Path(last.read_text(errors='replace').strip()).name if last.is_file() else None
    others = [path for path in here if any(path.match(pattern) for pattern in patterns)]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return list(dict.fromkeys([path for path in here if path.name == name] + others))


def traces_of_checkpoints(work_dir: str | os.PathLike, hook: Mapping | None = None) -> list[str]:
    """Names of all that only a run with checkpoints leaves, whether or not they are files and can be resumed from.

    Args:
        work_dir: The folder.
        hook: As of :func:`checkpoints_in`.
    """
    folders = {Path(work_dir), _checkpoint_folder(work_dir, hook)}
    return sorted({path.name for folder in folders for pattern in _CHECKPOINTS for path in folder.glob(pattern)})


def _checkpoint_folder(work_dir: str | os.PathLike, hook: Mapping | None) -> Path:
    folder, other = Path(work_dir), (hook or {}).get('out_dir')
    return Path(other) / folder.name if other and other != str(work_dir) else folder  # as in MMEngine's CheckpointHook


def newest_run(folder: str | os.PathLike) -> str | None:
    """Id of the run that was started last in a work directory; None if there is none.

    Raises:
        UserError: The file that holds it is damaged.
    """
    path = Path(folder) / _RUN
    if not path.is_file():
        return None
    try:
        run = json.loads(path.read_text())['id']
    except (ValueError, KeyError, TypeError, RecursionError):
        run = None
    if not isinstance(run, str) or not run:
        raise UserError(
            f'{shown_path(path)} is damaged: it does not say which run was the last one here; name a '
            'checkpoint with --resume FILE'
        )
    return run


def work_dir_for_test(work_dir: str) -> str:
    """`work_dir`, or its ``test/`` if it holds a training run, whose config, data and logs a test would overwrite."""
    if any(next(Path(work_dir).glob(pattern), None) for pattern in _OF_A_TRAINING_RUN):
        return str(Path(work_dir) / 'test')
    return work_dir


def training_folder(checkpoint: str) -> str | None:
    """The folder of a checkpoint, if it is the work directory of a training run."""
    folder = Path(checkpoint).parent
    left = (folder / _RUN, folder / 'last_checkpoint', *folder.glob('*/vis_data/scalars.json'))
    return str(folder) if os.path.isfile(checkpoint) and any(path.is_file() for path in left) else None


def _read_record(path: Path, run: str) -> dict[str, Any]:
    """What ``run.json`` says of a run; empty if it is not of that run, or damaged."""
    try:
        record = json.loads(path.read_text())
        return record if record['id'] == run else {}
    except (OSError, ValueError, KeyError, TypeError, RecursionError):
        return {}


class WorkDir:
    """The work directory of one training run, locked for the duration of a ``with`` block.

    The lock is a POSIX record lock of the main process: data workers do not inherit it, and it ends with that process,
    however that ends. In a distributed run the other processes rely on the first one's lock.

    Args:
        path: The folder, created if it does not exist, and removed again if no run is started.

    Raises:
        UserError: On entering: the folder cannot be created or written to, or another run uses it.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path).absolute()
        self._created: list[Path] = []
        self._lock: TextIO | None = None
        self._key: Path | None = None
        self.started = False

    def __enter__(self) -> 'WorkDir':
        main_process_first(self._open)
        return self

    def __exit__(self, *_) -> None:
        if is_main_process():
            self._close()

    def start_run(self, resumed: str | None, record: Callable[[], dict[str, Any]] = dict) -> str:
        """Record in ``run.json`` that a run starts here, and remove unfinished files that killed runs left.

        Args:
            resumed: Id of the run that it continues; None for a new run.
            record: Gives what else is recorded, in the main process.

        Returns:
            The run's id, in all processes.
        """

        def write() -> str:
            for path in (self.path, self.path / CONVERTED_DATA):
                remove_partials(path)
            run, facts = resumed or secrets.token_hex(8), record()
            if resumed:
                facts = continued(_read_record(self.path / _RUN, resumed), facts)
            with atomic_write(self.path / _RUN) as partial:
                partial.write_text(json.dumps({'id': run} | facts, indent=2) + '\n')
            return run

        self.started = True
        return main_process_first(write)

    def log_earlier_checkpoints(self) -> None:
        """Log which checkpoints of earlier runs are here, when a new run starts."""
        names = sorted(path.name for kind in _CHECKPOINTS for path in self.path.glob(kind))
        if names and is_main_process():
            shown = ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '')
            tell(
                f'{shown_path(self.path)} holds files of an earlier run ({shown}): this run replaces those of the '
                'same name, and --resume will ignore the others; to keep the runs apart, use --work-dir',
            )

    def _open(self) -> None:
        try:
            for folder in reversed([self.path, *self.path.parents]):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    self._created.append(folder)
            key = self.path.resolve()
            if key in _in_use:
                raise UserError(
                    f'{shown_path(self.path)} is in use by another training run of this process: wait for it, or use '
                    'another --work-dir'
                )
            self._take_lock()
            _in_use.add(key)
            self._key = key
        except OSError as error:
            self._close()
            raise UserError(
                f'the work directory {shown_path(self.path)} cannot be used: {error.strerror or error}; name another '
                'with --work-dir'
            ) from error
        except UserError:
            self._close()
            raise

    def _take_lock(self) -> None:
        path = self.path / _LOCK
        while True:
            if path.is_symlink():
                raise UserError(
                    f'{shown_path(path)} is a symbolic link, which no run writes through: remove it, or use '
                    'another --work-dir'
                )
            file = open(path, 'a+')  # noqa: SIM115 - stays open while the lock is held
            try:
                if fcntl:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    file.seek(0)
                    owner = file.read().strip()
                    file.close()
                    raise UserError(
                        f'{shown_path(self.path)} is in use by another training run (process {owner or "unknown"}): '
                        'wait for it, stop it, or use another --work-dir'
                    ) from error
                if error.errno not in _WITHOUT_LOCKS:
                    file.close()
                    raise
                tell(
                    f'the file system of {shown_path(self.path)} has no locks: make sure that no other training run '
                    'uses it',
                )
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                break
            file.close()  # another run has just removed it
        self._lock = file
        file.truncate(0)
        file.write(f'{os.getpid()}\n')
        file.flush()
        os.fsync(file.fileno())  # a full disk shows here, not at the first checkpoint

    def _close(self) -> None:
        if self._lock:
            (self.path / _LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # the disk is full; the lock ends all the same
                self._lock.close()
            self._lock = None
        if self._key:
            _in_use.discard(self._key)
        if not self.started:
            for folder in reversed(self._created):
                try:
                    folder.rmdir()
                except OSError:  # something is in it by now
                    break
