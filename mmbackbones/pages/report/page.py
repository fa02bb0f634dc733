"""The page of a report."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from ...evaluation.diagnosis.figures import DetectionDiagnosis
from ...utils.text import counted
from ..rendering import Section, write_page
from .class_figures import classes_section
from .comparison import comparison_sections
from .confusion import confusion_section
from .curves import curves_section
from .errors import errors_section
from .figures import figures_of
from .images import images_section
from .label_errors import labels_section
from .origin import origin_section
from .run import Run
from .summary import summary_section
from .thresholds import thresholds_section


def write_report(runs: Sequence[Run], path: Path) -> None:
    """Write the report of one run, or of several side by side.

    Args:
        runs: The runs, at least one.
        path: The HTML file.

    Raises:
        UserError: The file cannot be written.
    """
    sections = list(_sections(runs[0]) if len(runs) == 1 else comparison_sections(runs))
    title = f'Report on {runs[0].name}' if len(runs) == 1 else f'{len(runs)} runs side by side'
    write_page('base.html', path, title=title, subtitle=_subtitle(runs), sections=sections, figures=figures_of(runs))


def _sections(run: Run) -> Iterator[Section]:
    yield summary_section(run)
    yield curves_section([run])
    diagnosis = run.diagnosis
    if diagnosis is not None:
        yield classes_section(diagnosis)
        if isinstance(diagnosis, DetectionDiagnosis):
            yield thresholds_section(diagnosis)
        yield confusion_section(diagnosis)
    if run.results is not None and diagnosis is not None:
        if isinstance(diagnosis, DetectionDiagnosis):
            yield errors_section(run.results, diagnosis)
        yield images_section(run.results, diagnosis)
        if isinstance(diagnosis, DetectionDiagnosis):
            yield labels_section(run.results, diagnosis)
    yield origin_section(run)


def _subtitle(runs: Sequence[Run]) -> str:
    tested = [run.results for run in runs if run.results]
    if not tested:
        return 'not tested'
    what = {'bbox': 'Detection', 'segm': 'Instance segmentation', 'semantic': 'Semantic segmentation'}[tested[0].task]
    parts = [what, counted(len(tested[0].images), 'image'), counted(len(tested[0].classes), 'class', 'classes')]
    if isinstance(date := tested[0].info.get('date'), str):
        parts.append(f'tested {date[:10]}')
    return ' · '.join(parts)
