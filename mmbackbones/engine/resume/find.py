"""Finding the checkpoint to resume from."""

from collections.abc import Mapping
from pathlib import Path

from mmengine.config import Config

from ...errors import UserError
from ...utils.messages import tell
from ..processes.distributed import main_process_first
from ..work_dir import checkpoints_in, newest_run, traces_of_checkpoints
from .run_state import RunState, read_run_state


def find_run(resume: str, cfg: Config) -> RunState | None:
    """State of the run to resume, read by the main process for all.

    Args:
        resume: A checkpoint, or ``auto`` for the newest one in the work directory.
        cfg: The config, with ``work_dir``.

    Returns:
        None if the work directory has no checkpoint.

    Raises:
        UserError: The file cannot be resumed, or none in the work directory can.
    """
    hook = cfg.default_hooks.get('checkpoint')
    return main_process_first(lambda: find_newest(cfg.work_dir, hook) if resume == 'auto' else read_run_state(resume))


def find_newest(work_dir: str, hook: Mapping | None = None) -> RunState | None:
    """State of the newest run in a work directory, from its newest readable checkpoint; None if there is none.

    A run that was killed while it wrote a file leaves a damaged one: the one before it is taken, with a log message.

    Args:
        work_dir: The folder.
        hook: Config of the hook that writes checkpoints.

    Raises:
        UserError: There are checkpoints, but no readable one of the newest run, or none that a run can be resumed from.
    """
    paths, run = checkpoints_in(work_dir, hook), newest_run(work_dir)
    others, problems = [], []
    for path in paths:
        state = None  # frees the weights of the file before
        try:
            state = read_run_state(path)
        except UserError as error:
            problems.append(str(error))
            continue
        if run is None or state.run == run:
            for problem in problems:
                tell(f'{problem}: using the checkpoint before it')
            return state
        others.append(path)
    if others:
        damaged = f' ({problems[0]})' if problems else ''
        raise UserError(
            f'{work_dir} has no checkpoint of the run that was started last there{damaged}; '
            f'{others[0].name} is of an earlier run: to resume that one, use --resume {others[0]}'
        )
    if problems:
        more = f' (and {len(problems) - 1} more like it)' if len(problems) > 1 else ''
        raise UserError(f'no checkpoint in {work_dir} can be resumed: {problems[0]}{more}')
    if traces := traces_of_checkpoints(work_dir, hook):
        shown = ', '.join(traces[:4]) + (f' and {len(traces) - 4} more' if len(traces) > 4 else '')
        raise UserError(
            f'{work_dir} holds {shown}, but no checkpoint that a run can be resumed from: to start a new run there, '
            'leave out --resume; to start it from the weights of a file, use --weights FILE'
        )
    return None


def is_newest(state: RunState, cfg: Config) -> bool:
    """Whether ``--resume`` without a file would take this checkpoint, so that resuming it continues the same run."""

    def newest() -> bool:
        paths = checkpoints_in(cfg.work_dir, cfg.default_hooks.get('checkpoint'))
        if not paths or paths[0].resolve() != Path(state.path).resolve():
            return False
        try:
            return state.run == newest_run(cfg.work_dir)
        except UserError:  # run.json is damaged, and naming a checkpoint is the way out
            return False

    return main_process_first(newest)
