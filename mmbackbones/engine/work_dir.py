"""The work directory of a training run: tried before anything else, locked while the run lives, and whose it is."""

import errno
import json
import os
import re
import secrets
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path

from mmengine.dist import is_main_process
from mmengine.logging import print_log

from ..errors import UserError
from ..utils.atomic_write import atomic_write
from .distributed import main_process_first

try:
    import fcntl
except ImportError:  # Windows has no POSIX record locks; two runs at once are not noticed there
    fcntl = None

_LOCK = 'train.lock'
_RUN = 'run.json'
_LEFT_BEHIND = ('best_*.pth', 'epoch_*.pth', 'iter_*.pth', 'last_checkpoint')
# What a training run leaves in its work directory and a test doesn't.
_OF_A_TRAINING_RUN = (_LOCK, _RUN, *_LEFT_BEHIND, '*/vis_data/scalars.json')
_WITHOUT_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)  # what file systems that have none answer
_here = set()  # work directories of runs in this process: record locks do not keep a process from itself


def checkpoints_in(work_dir: str | os.PathLike, hook: Mapping | None = None) -> list[Path]:
    """The checkpoints of a work directory that a run can be resumed from, the most likely newest first.

    The one that ``last_checkpoint`` names comes first, whatever folder it names it in: it may have been moved.

    Args:
        work_dir: The folder.
        hook: Config of the hook that writes checkpoints, which may give them another folder and other names.
    """
    folder, last, hook = Path(work_dir), Path(work_dir) / 'last_checkpoint', hook or {}
    if hook.get('out_dir') and hook['out_dir'] != str(work_dir):
        folder = Path(hook['out_dir']) / folder.name  # as MMEngine has it
    names = {'epoch_*.pth', 'iter_*.pth', re.sub(r'\{.*?\}', '*', hook.get('filename_tmpl') or 'epoch_*.pth')}
    here = [path for path in folder.glob('*') if path.is_file()] if folder.is_dir() else []
    name = Path(last.read_text(errors='replace').strip()).name if last.is_file() else None
    others = [path for path in here if any(path.match(one) for one in names)]
    others.sort(key=lambda path: path.stat().st_mtime, reverse=True)
    return list(dict.fromkeys([path for path in here if path.name == name] + others))


def newest_run(folder: str | os.PathLike) -> str | None:
    """The id of the run that was started last in a work directory; None if no run has left one.

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
            f'{path} is damaged: which run was the last here cannot be told; name a checkpoint with --resume FILE'
        )
    return run


def work_dir_for_test(work_dir: str) -> str:
    """`work_dir`, or its ``test/`` if it holds a training run, whose config, data and logs a test would overwrite."""
    if any(next(Path(work_dir).glob(pattern), None) for pattern in _OF_A_TRAINING_RUN):
        return str(Path(work_dir) / 'test')
    return work_dir


class WorkDir:
    """A work directory that belongs to one training run from ``with`` to its end.

    The lock is a POSIX record lock: it is the main process's alone (data workers do not inherit it) and ends with it,
    however it ends. The other processes of a launch take part in the run of the first.

    Args:
        path: The folder; it is made if it is not there. What was made is removed again if no run is started.

    Raises:
        UserError: On entering: the folder cannot be made or written to, or another run uses it.
    """

    def __init__(self, path: str | os.PathLike) -> None:
        self.path = Path(path).absolute()
        self._made: list[Path] = []
        self._lock = None
        self._key = None
        self.started = False

    def __enter__(self) -> 'WorkDir':
        main_process_first(self._open)
        return self

    def __exit__(self, *_) -> None:
        if is_main_process():
            self._close()

    def start_run(self, resumed: str | None) -> str:
        """Write down that a run starts here, and return its id; `resumed`: the id of the run that it goes on with."""

        def note() -> str:
            run = resumed or secrets.token_hex(8)
            with atomic_write(self.path / _RUN) as partial:
                partial.write_text(json.dumps(dict(id=run)) + '\n')
            return run

        self.started = True
        return main_process_first(note)

    def say_what_is_left(self) -> None:
        """Say which checkpoints of earlier runs are here, for a run that starts at its beginning."""
        names = sorted(path.name for kind in _LEFT_BEHIND for path in self.path.glob(kind))
        if names and is_main_process():
            shown = ', '.join(names[:4]) + (f' and {len(names) - 4} more' if len(names) > 4 else '')
            print_log(
                f'{self.path} holds files of an earlier run ({shown}): they stay until this run writes one of '
                'the same name, and --resume will not take them for its own; to keep the runs apart, use '
                '--work-dir',
                logger='current',
            )

    def _open(self) -> None:
        try:
            for folder in reversed([self.path, *self.path.parents]):
                if not folder.exists():
                    folder.mkdir(exist_ok=True)
                    self._made.append(folder)
            key = self.path.resolve()
            if key in _here:
                raise UserError(
                    f'{self.path} is in use by another training run of this process: wait for it, or use '
                    'another --work-dir'
                )
            self._take_lock()
            _here.add(key)
            self._key = key
        except OSError as error:
            self._close()
            raise UserError(
                f'the work directory {self.path} cannot be used: {error.strerror or error}; name another '
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
                    f'{path} is a link, and a run writes to its own files only: remove it, or use another --work-dir'
                )
            file = open(path, 'a+')  # noqa: SIM115 - stays open as long as the lock is held
            try:
                if fcntl:
                    fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                if error.errno in (errno.EACCES, errno.EAGAIN):
                    file.seek(0)
                    owner = file.read().strip()
                    file.close()
                    raise UserError(
                        f'{self.path} is in use by another training run (process {owner or "unknown"}): '
                        'wait for it, stop it, or use another --work-dir'
                    ) from error
                if error.errno not in _WITHOUT_LOCKS:
                    file.close()
                    raise
                print_log(
                    f'the file system of {self.path} has no locks: see to it that no other training run uses it',
                    logger='current',
                )
            if path.exists() and path.stat().st_ino == os.fstat(file.fileno()).st_ino:
                break
            file.close()  # the run before has just removed it
        self._lock = file
        file.truncate(0)
        file.write(f'{os.getpid()}\n')
        file.flush()
        os.fsync(file.fileno())  # a full disk is noticed here, not at the first checkpoint

    def _close(self) -> None:
        if self._lock:
            (self.path / _LOCK).unlink(missing_ok=True)
            with suppress(OSError):  # what was left to write found no room; the lock is gone all the same
                self._lock.close()
            self._lock = None
        _here.discard(self._key)
        if not self.started:
            for folder in reversed(self._made):
                try:
                    folder.rmdir()
                except OSError:  # something is in it by now
                    break
