"""The verb ``report``: a page on what a model has learned, and on what it gets wrong."""

import os
import shlex
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..errors import RunFailed, UserError, printable
from ..evaluation.diagnosis.figures import DetectionDiagnosis, SegmentationDiagnosis
from ..pages.rendering import refuse_foreign_page
from ..pages.report.page import write_report
from ..pages.report.reading import Place, by_boxes, find_run, read_run
from ..utils.folders import require_writable
from .test import test

_SUFFIXES = ('.html', '.htm')


@dataclass(frozen=True)
class ReportResult:
    """What :func:`report` has done.

    Attributes:
        file: The page.
        diagnoses: What is right and wrong in each run; None for one that could not be tested.
        problems: Pairs of a work directory and why it could not be tested.
    """

    file: Path
    diagnoses: tuple[DetectionDiagnosis | SegmentationDiagnosis | None, ...]
    problems: list[tuple[str, str]]


def report(*work_dirs: str | os.PathLike[str], out: str | os.PathLike[str] | None = None) -> ReportResult:
    """Write a page on training runs and their tests: curves, figures, mix-ups, errors, images, likely label errors.

    It is a single HTML file that needs no network. A run that was not tested yet is tested first, on its own data.

    Example:
        >>> import mmbackbones as mmb
        >>> done = mmb.report('work_dirs/retinanet_van_t')
        >>> done.file, done.diagnoses[0].curve.best
        (PosixPath('work_dirs/retinanet_van_t/report.html'), 0.41)
        >>> mmb.report('work_dirs/retinanet_van_t', 'work_dirs/retinanet_van_s', out='side_by_side.html')

    Args:
        work_dirs: Work directories of training runs, or folders of tests. Several are shown side by side, measured by
            the first.
        out: The file; None for ``report.html`` in the first folder.

    Returns:
        Where the page is, and the figures in it.

    Raises:
        UserError: A folder is neither, or a file in it is damaged; or the page cannot be written, or would replace
            a file that is no page of ours.
    """
    folders = [_checked_folder(folder) for folder in work_dirs]
    if not folders:
        raise UserError('no folder was given: give the work directory of a training run, or several')
    places = [find_run(folder) for folder in folders]
    names = _names([place.training or place.given for place in places])
    file = _checked_file(out) if out is not None else folders[0] / 'report.html'
    require_writable(file.parent, '--out')
    refuse_foreign_page(file)
    problems: list[tuple[str, str]] = []
    tested = [_tested(place, problems) for place in places]
    reasons = dict(problems)
    runs = [read_run(name, place, reasons.get(str(place.given), '')) for name, place in zip(names, tested, strict=True)]
    kinds = {run.is_segmentor: run.name for run in runs if run.diagnosis}
    if len(kinds) > 1:
        raise UserError(
            f'{kinds[False]} is a detector and {kinds[True]} a segmentor, which have no figure in common: make a '
            'report of each'
        )
    runs = by_boxes(runs)
    write_report(runs, file)
    return ReportResult(file, tuple(run.diagnosis for run in runs), problems)


def _tested(place: Place, problems: list[tuple[str, str]]) -> Place:
    """Test the best checkpoint of a run that has not been tested; note why it cannot be, if so."""
    if place.test:
        return place
    checkpoint = place.best_checkpoint
    if checkpoint is None:
        problems.append((str(place.given), f'There is no test, and no checkpoint to test in {place.given}.'))
        return place
    print(f'{printable(str(place.given))} has no test results yet: testing {printable(checkpoint.name)}', flush=True)
    try:
        test(checkpoint)
    except (UserError, RunFailed) as error:
        command = f'mmbackbones test {shlex.quote(str(checkpoint))} --data DIR'
        reason = (
            f'It could not be tested: {str(error).rstrip(".")}. Test it with `{command}`, and make the report again.'
        )
        problems.append((str(place.given), reason))
        return place
    found = find_run(place.given)
    return found if found.test else replace(place, test=None)


def _checked_folder(folder: Any) -> Path:
    if not isinstance(folder, str | os.PathLike) or not os.fspath(folder) or '\0' in str(folder):
        raise UserError(f'work_dirs must be folders, got {folder!r}')
    return Path(folder)


def _checked_file(out: Any) -> Path:
    if not isinstance(out, str | os.PathLike) or '\0' in str(out) or Path(out).suffix.lower() not in _SUFFIXES:
        raise UserError(f'--out writes an HTML file: give it a name that ends in .html, not {out}')
    if Path(out).is_dir():
        raise UserError(f'--out {out} is a folder: name a file in it')
    return Path(out)


def _names(folders: Sequence[Path]) -> list[str]:
    """What each folder is called: as short as no two are the same.

    Raises:
        UserError: One is given twice.
    """
    parts = [folder.absolute().resolve().parts for folder in folders]
    if len(set(parts)) < len(parts):
        raise UserError('a folder was given twice: give each once')
    for length in range(1, max(map(len, parts)) + 1):
        names = ['/'.join(part[-length:]) for part in parts]
        if len(set(names)) == len(names):
            break
    return names
