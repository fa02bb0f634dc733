"""The section on the kinds of errors of a detector."""

from collections.abc import Iterator
from dataclasses import dataclass

from ...evaluation.diagnosis.figures import DetectionDiagnosis, ErrorExample, ErrorKind
from ...evaluation.diagnosis.results import Results
from ...utils.progress import track
from ..rendering import Section, render
from ..tables import Column, Table
from .error_kinds import Kind, kind_of
from .run import threshold_of
from .scenes import Shown, strip

_EXAMPLES = 4  # of a kind


@dataclass(frozen=True)
class Examples:
    """What the page shows of a kind: its words, and pictures of some errors."""

    kind: Kind
    number: int
    pictures: list[dict[str, str]]


def errors_section(results: Results, diagnosis: DetectionDiagnosis) -> Section:
    """What each kind of errors costs, the costliest first, with examples."""
    body = render('report_errors.html', table=errors_table(diagnosis), examples=list(_examples(results, diagnosis)))
    return Section('errors', 'Kinds of errors', body)


def errors_table(diagnosis: DetectionDiagnosis) -> Table:
    """The kinds of errors."""
    ranked = _costliest_first(diagnosis)
    columns = [
        Column('kind'),
        Column(
            'AP50 lost',
            'share',
            'how much AP50 would rise if errors of this kind alone were mended',
            full=max((error.ap50_lost for error in ranked), default=1.0),
        ),
        Column('number', 'count', 'among all predictions, whatever their score; of missed ones, objects'),
        Column('what it is'),
    ]
    kinds = [kind_of(error.name) for error in ranked]
    rows = [(kind.name, error.ap50_lost, error.count, kind.meaning) for kind, error in zip(kinds, ranked, strict=True)]
    return Table(columns, rows, sorted_by=1, descending=True)


def _costliest_first(diagnosis: DetectionDiagnosis) -> list[ErrorKind]:
    return sorted(diagnosis.errors, key=lambda error: -error.ap50_lost)


def _examples(results: Results, diagnosis: DetectionDiagnosis) -> Iterator[Examples]:
    places = {image.id: place for place, image in enumerate(results.images)}
    shown = [Shown(results, threshold_of(diagnosis))]
    for error in track(_costliest_first(diagnosis), len(diagnosis.errors), 'Drawing errors'):
        pictures = []
        for example in error.examples[:_EXAMPLES]:
            place = places[example.image_id]
            if source := strip(shown, [place], example.box):
                caption = f'{_words(example, results)} · {results.images[place].name}'
                pictures.append(dict(source=source, alt=caption, caption=caption))
        if pictures:
            yield Examples(kind_of(error.name), error.count, pictures)


def _words(example: ErrorExample, results: Results) -> str:
    true = '' if example.label is None else f'“{results.classes[example.label]}”'
    if example.predicted is None or example.score is None:
        return f'{true} missed'
    found = f'“{results.classes[example.predicted]}” ({example.score:.2f})'
    return f'{found} in place of {true}' if true and example.label != example.predicted else found
