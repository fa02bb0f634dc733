"""The files of training runs and tests, read for a report; nothing in them is executed."""

import json
import os
import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ...engine.work_dir import checkpoints_in
from ...errors import UserError
from ...evaluation.diagnosis import Results, diagnose, read_results
from ...evaluation.result_files import GROUND_TRUTH
from ...evaluation.results_table import RESULTS, read_results_csv
from ...utils.files import read_bytes, sha256_of
from .run import Run

_SETTINGS = 'run.json'
_TEST = 'test'  # folder of a test in a work directory
_MOST_BYTES = 4 << 20  # of a config or of run.json


@dataclass(frozen=True)
class Place:
    """Where the files of a run are.

    Attributes:
        given: The folder that was asked for.
        training: The work directory of the training run; None if it is not known.
        test: The folder of its test; None if it was not tested.
    """

    given: Path
    training: Path | None
    test: Path | None

    @property
    def best_checkpoint(self) -> Path | None:
        """The best checkpoint of the training run, or else the newest; None if there is none."""
        if self.training is None:
            return None
        best = sorted(self.training.glob('best_*.pth'), key=lambda path: path.stat().st_mtime)
        return best[-1] if best else next(iter(checkpoints_in(self.training)), None)


def find_run(folder: Path) -> Place:
    """Find out whether a folder is of a training run or of a test.

    Args:
        folder: The folder.

    Raises:
        UserError: It is neither.
    """
    if not folder.is_dir():
        what = 'is not a folder' if folder.exists() else 'does not exist'
        raise UserError(f'{folder} {what}: give the work directory of a training run, or the folder of a test')
    if _is_run(folder):
        return Place(folder, folder, folder / _TEST if (folder / _TEST / GROUND_TRUTH).is_file() else None)
    if (folder / GROUND_TRUTH).is_file():
        parent = folder.parent if folder.name == _TEST else folder.absolute().parent
        return Place(folder, parent if folder.absolute().name == _TEST and _is_run(parent) else None, folder)
    raise UserError(
        f'{folder} holds neither a training run (checkpoints, {_SETTINGS} or {RESULTS}) nor a test ({GROUND_TRUTH}): '
        'give the --work-dir of one'
    )


def read_run(name: str, place: Place, problem: str = '') -> Run:
    """Read all that is known of a run, and find out what is right and wrong in its test.

    Args:
        name: What it is to be called.
        place: Where it is.
        problem: One sentence on why it has no test.

    Raises:
        UserError: A file is damaged.
    """
    results = read_results(place.test) if place.test else None
    table = place.training and place.training / RESULTS
    return Run(
        name=name,
        folder=place.training or place.given,
        rows=read_results_csv(table) if table and table.is_file() else (),
        settings=_settings(place.training) if place.training else {},
        config=_config(place.training or place.given),
        results=results,
        diagnosis=diagnose(results) if results else None,
        problem=problem,
        notes=list(_notes(place.best_checkpoint, results)) if results else [],
    )


def by_boxes(runs: Sequence[Run]) -> list[Run]:
    """Runs whose figures can be compared: where some predict masks and others do not, all are measured by boxes."""
    tasks = {run.results.task for run in runs if run.results}
    if not {'bbox', 'segm'} <= tasks:
        return list(runs)
    measured = []
    for run in runs:
        if run.results and run.results.task == 'segm':
            truths, found = (replace(objects, masks=None) for objects in (run.results.truths, run.results.found))
            results = replace(run.results, task='bbox', truths=truths, found=found)
            note = 'Its boxes are what is compared here, not its masks, because others predict none.'
            run = replace(run, results=results, diagnosis=diagnose(results), notes=[*run.notes, note])
        measured.append(run)
    return measured


def _notes(best: Path | None, results: Results) -> Iterator[str]:
    """What to know of a test that is not of the best checkpoint, or not of what that is now."""
    tested = results.info.get('checkpoint')
    if best is None or not best.name.startswith('best_') or not isinstance(tested, str):
        return
    name = os.path.basename(tested)
    if name != best.name:
        what = f'The figures are those of {name}, but the best checkpoint is {best.name}.'
    elif os.access(best, os.R_OK) and best.is_file() and results.info.get('sha256') != sha256_of(best):
        what = f'The figures are those of an earlier {name}: the file is another one now.'
    else:
        return
    yield f'{what} Test it and make the report again: mmbackbones test {shlex.quote(str(best))}'


def _is_run(folder: Path) -> bool:
    return (folder / _SETTINGS).is_file() or (folder / RESULTS).is_file() or bool(checkpoints_in(folder))


def _settings(folder: Path) -> dict[str, Any]:
    """The content of ``run.json``; empty where it cannot be read: no figure depends on it."""
    try:
        content = json.loads(read_bytes(folder / _SETTINGS, _MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return {}
    return content if isinstance(content, dict) else {}


def _config(folder: Path) -> str | None:
    """The text of the config in a folder, the newest if there are several."""
    files = sorted((path for path in folder.glob('*.py') if path.is_file()), key=lambda path: path.stat().st_mtime)
    try:
        return read_bytes(files[-1], _MOST_BYTES).decode('utf-8', errors='replace') if files else None
    except OSError:
        return None
